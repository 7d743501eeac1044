import { pipeline } from 'node:stream/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { orAborted } from '@lifeboat/shared/run/or-aborted.ts'
import { DatabaseError } from 'pg'
import { from } from 'pg-copy-streams'
import { about, connectSource, cutOn, type SourceConnection } from './connection.ts'
import { diagnoseSql } from './diagnose.ts'
import { quoteLiteral } from './sql-text.ts'

export interface CopyRows {
  connection: SourceConnection
  /** Shown in pg_stat_activity. */
  applicationName: string
  /** `COPY … FROM stdin` */
  statement: string
  /** Of the rows, as PostgreSQL calls it. */
  encoding: string
}

/**
 * Takes rows into a table by a session of its own: all of them, or none. Values are read as by a session of pg_restore, whatever the role or the database has for a default.
 *
 * @param rows in COPY's text format. What is larger than a stream holds back (64 KiB) is with the kernel when the next is asked for
 * @throws LifeboatError DRILL_RESTORE_FAILED – the server refuses them · SOURCE_… · the reason of the signal · what `rows` throws
 */
export async function copyRows(
  rows: AsyncIterable<Uint8Array>,
  { connection, applicationName, statement, encoding }: CopyRows,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  await using client = await connectSource(connection, { applicationName, lockTimeoutMs: 0 })
  using _cut = cutOn(signal, client)
  try {
    await client.query(settings(encoding))
    const into = client.query(from(statement))
    const refused = new AbortController()
    into.once('error', (err) => refused.abort(err))
    await pipeline(taken(rows, AbortSignal.any([signal, refused.signal])), into, { signal })
  } catch (thrown) {
    signal.throwIfAborted()
    throw refusal(thrown, connection)
  }
}

/** NOTE: `pipeline` waits for what it asked for, also when nobody takes it any more; and the next rows may be long in coming. */
async function* taken(rows: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const coming = rows[Symbol.asyncIterator]()
  for (;;) {
    const { done, value } = await orAborted(coming.next(), signal)
    if (done) return
    yield value
  }
}

/** Those of pg_restore's own sessions that rows depend on and `connectSource` leaves alone. */
function settings(encoding: string): string {
  return [
    // Servers before 17 have none.
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'",
    `SET client_encoding = ${quoteLiteral(encoding)}`,
    'SET xmloption = content',
    "SET search_path = ''",
  ].join(';')
}

function refusal(thrown: unknown, connection: SourceConnection): LifeboatError {
  const err = diagnoseSql(thrown, about(connection))
  if (err.code !== 'INTERNAL' || !(thrown instanceof DatabaseError)) return err
  const { code: sqlState, message, detail, where } = thrown
  return new LifeboatError('DRILL_RESTORE_FAILED', { sqlState, message, detail, where }, { cause: thrown })
}
