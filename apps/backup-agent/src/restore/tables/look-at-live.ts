import { connectSource } from '@lifeboat/postgres/connection.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { isLive, readLive } from '@lifeboat/recovery/tables/live-table.ts'
import { TABLES_SESSION } from '@lifeboat/recovery/tables/one-transaction.ts'
import { isThere } from '@lifeboat/recovery/tables/staging.ts'
import { mergeProblem } from '@lifeboat/recovery/tables/unfit.ts'
import type { TablesWish } from '@lifeboat/shared/domain/restore-tables.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Restorable } from '../restorable.ts'
import { liveDatabase } from './site.ts'

export interface LiveLook {
  /** Of each table that is wanted; undefined where there is none. */
  bytes: (number | undefined)[]
  /** Where the server keeps its data. */
  folder: string
}

/** What is there now, and what of it stands against the wish. */
export async function lookAtLive(
  of: Restorable,
  { tables, into }: TablesWish,
  obstacles: ErrorReport[],
): Promise<LiveLook> {
  await using client = await connectSource(liveDatabase(of), TABLES_SESSION)
  await client.query('begin read only')
  await pinSettings(client)
  const bytes: (number | undefined)[] = []
  const differences: string[] = []
  for (const table of tables) {
    const live = await readLive(client, table)
    bytes.push(isLive(live) ? live.bytes : undefined)
    const problem = isLive(live) ? into.how === 'merge' && mergeProblem(live) : live.problem
    if (problem && into.how !== 'beside') differences.push(`${titleOf(table)}: ${problem}`)
  }
  if (differences.length > 0) obstacles.push(new LifeboatError('RESTORE_TABLE_UNFIT', { differences }).toReport())
  if (into.how === 'beside' && (await isThere(client, into.schema)))
    obstacles.push(new LifeboatError('RESTORE_SCHEMA_TAKEN', { schema: into.schema }).toReport())
  const { rows } = await client.query<{ folder: string }>(`select current_setting('data_directory') as folder`)
  return { bytes, folder: rows[0]?.folder ?? '' }
}
