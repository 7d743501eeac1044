import type { ServerFacts } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { ClientBase } from 'pg'
import { diagnoseSql } from './diagnose.ts'

export const SUPPORTED = { oldest: 15, newest: 18 }

interface Row extends Omit<ServerFacts, 'major'> {
  databaseBytes: string
}

const FACTS = `
  select current_setting('server_version_num')::int as "versionNum", current_setting('server_version') as version,
         (select system_identifier::text from pg_control_system()) as "systemIdentifier",
         pg_encoding_to_char(d.encoding) as encoding, d.datcollate as collate, d.datctype as ctype,
         pg_database_size(d.oid)::text as "databaseBytes",
         coalesce((select json_object_agg(extname, extversion) from pg_extension), '{}') as extensions
    from pg_database d where d.datname = current_database()`

/**
 * What the server and the database look like now.
 *
 * @throws LifeboatError SOURCE_VERSION_UNSUPPORTED | SOURCE_RIGHTS_MISSING | SOURCE_CONNECTION_LOST
 */
export async function readServerFacts(client: ClientBase): Promise<{ server: ServerFacts; databaseBytes: number }> {
  const { rows } = await client.query<Row>(FACTS).catch((err: unknown) => {
    throw diagnoseSql(err)
  })
  if (rows[0] === undefined) throw new LifeboatError('SOURCE_DATABASE_MISSING', {})
  const { databaseBytes, ...facts } = rows[0]
  const major = Math.floor(facts.versionNum / 10_000)
  if (major < SUPPORTED.oldest || major > SUPPORTED.newest)
    throw new LifeboatError('SOURCE_VERSION_UNSUPPORTED', { version: facts.version })
  return { server: { ...facts, major }, databaseBytes: Number(databaseBytes) }
}
