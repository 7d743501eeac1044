import { readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientBase } from 'pg'
import { diagnoseSql } from './diagnose.ts'

/** Room on the disk of `pg_wal`, bytes; or why it cannot be told from here. */
export type WalDisk = { freeBytes: number } | { unknown: string }

/** The server counts from a moment of its start that is later than the one in its file. */
const STARTS_APART_S = 60

const PLACE = `
  select (select setting from pg_settings where name = 'data_directory') as "dataDirectory",
         extract(epoch from pg_postmaster_start_time())::float8 as "startedS"`

/**
 * Looks at the disk itself: SQL has no word for it. Only where this host is the server's and its data directory may be read; that it is this very
 * server's, and not one that lies under the same path here, its \`postmaster.pid\` says.
 *
 * @throws LifeboatError SOURCE_CONNECTION_LOST
 */
export async function lookAtWalDisk(client: ClientBase): Promise<WalDisk> {
  const { rows } = await client
    .query<{ dataDirectory: string | null; startedS: number }>(PLACE)
    .catch((err: unknown) => {
      throw diagnoseSql(err)
    })
  const { dataDirectory, startedS = 0 } = rows[0] ?? {}
  if (dataDirectory == null) return { unknown: 'the role may not see data_directory (pg_read_all_settings)' }
  try {
    const written = Number((await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')[2])
    if (!(Math.abs(written - startedS) < STARTS_APART_S))
      return { unknown: `another server lies in ${dataDirectory} on this host` }
    const { bavail, bsize } = await statfs(join(dataDirectory, 'pg_wal'))
    return { freeBytes: bavail * bsize }
  } catch (thrown) {
    const { code = String(thrown) } = thrown as { code?: string }
    return { unknown: `${dataDirectory} cannot be read from here (${code})` }
  }
}
