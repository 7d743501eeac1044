import { connectSource, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/**
 * Keeps everybody who comes through the same database of the server from recovering, reverting or releasing a database of this name, until disposed or dead: the server holds the lock for as long as
 * this session lives.
 *
 * @throws LifeboatError RECOVERY_UNDER_WAY | SOURCE_…
 */
export async function holdDatabase(server: SourceConnection, database: string): Promise<AsyncDisposable> {
  const client = await connectSource(server, { applicationName: 'lifeboat recover', lockTimeoutMs: 60_000 })
  const { rows } = await client.query<{ held: boolean }>(
    `select pg_try_advisory_lock(hashtextextended('lifeboat recover ' || $1, 0)) as held`,
    [database],
  )
  if (rows[0]?.held) return client
  await client.end()
  throw new LifeboatError('RECOVERY_UNDER_WAY', { database })
}
