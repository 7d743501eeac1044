import { about, connectSource, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { diagnoseSql } from '@lifeboat/postgres/diagnose.ts'
import { listTables } from '@lifeboat/postgres/fingerprint/tables.ts'
import { readServerFacts } from '@lifeboat/postgres/server-facts.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { ServerFacts } from '@lifeboat/shared/domain/manifest.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { BackupRun } from '../backup-run.ts'

/** The one snapshot every artifact of a backup shares; it can be imported while this is open. */
export interface Snapshot extends AsyncDisposable {
  /** Name given by pg_export_snapshot(). */
  readonly name: string
  readonly takenAt: Moment
  readonly server: ServerFacts
  readonly databaseBytes: number
  /** Tables whose rows the dump must hold. */
  readonly tables: readonly { schema: string; name: string }[]
}

/**
 * Takes the snapshot and looks at the server through it.
 *
 * @throws LifeboatError SOURCE_UNREACHABLE | SOURCE_AUTH_REFUSED | SOURCE_DATABASE_MISSING | SOURCE_RIGHTS_MISSING | SOURCE_VERSION_UNSUPPORTED
 */
export async function takeSnapshot(run: BackupRun, lockTimeoutMs: number, clock: Clock): Promise<Snapshot> {
  const { connection } = run.source
  const session = { applicationName: `${run.applicationName} snapshot`, lockTimeoutMs }
  await using opening = new AsyncDisposableStack()
  const client = opening.use(await connectSource(connection, session))
  const takenAt = moment(clock.now())
  const found = await look(client).catch((err: unknown) => {
    throw diagnoseSql(err, about(connection))
  })
  const open = opening.move()
  return { ...found, takenAt, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

async function look(client: SourceClient) {
  const name = await exportSnapshot(client)
  const facts = await readServerFacts(client)
  const tables = (await listTables(client)).map(({ schema, name: table }) => ({ schema, name: table }))
  return { name, ...facts, tables }
}

async function exportSnapshot(client: SourceClient): Promise<string> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
  const { rows } = await client.query<{ name: string }>('SELECT pg_export_snapshot() AS name')
  return rows[0]?.name ?? ''
}
