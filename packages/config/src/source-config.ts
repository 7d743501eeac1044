import { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import { PostgresSourceConfig } from '@lifeboat/postgres/source-config.ts'
import { z } from 'zod'

/** Something under our care; what says no kind is a PostgreSQL database. */
export const SourceConfig = z.discriminatedUnion('kind', [PostgresSourceConfig, FilesSourceConfig])
export type SourceConfig = z.infer<typeof SourceConfig>

export function isPostgres(source: SourceConfig): source is PostgresSourceConfig {
  return source.kind !== 'files'
}
