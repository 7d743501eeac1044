import { setInterval } from 'node:timers/promises'
import { connectSource, cutOn, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'

const EVERY_MS = 1000

export interface Growing {
  /** To another database of the same server. */
  connection: SourceConnection
  /** Shown in pg_stat_activity. */
  applicationName: string
  database: string
  /** Of the original, its bloat included: the database may be whole before it is as large. */
  totalBytes: number
}

/**
 * Reports, once a second, how large a database has become while `work` fills it: pg_restore itself says nothing of how far it is.
 *
 * A server that does not answer the question costs the progress, not the work.
 */
export async function reportGrowth<T>(work: Promise<T>, growing: Growing, run: Pick<Run, 'report'>): Promise<T> {
  const ended = new AbortController()
  const watching = watch(growing, run, ended.signal).catch(() => {})
  try {
    return await work
  } finally {
    ended.abort()
    await watching
  }
}

async function watch(
  { connection, applicationName, database, totalBytes: total }: Growing,
  run: Pick<Run, 'report'>,
  signal: AbortSignal,
): Promise<void> {
  await using client = await connectSource(connection, { applicationName, lockTimeoutMs: EVERY_MS })
  // A server that has gone silent must not keep whoever gave up the work waiting.
  using _cut = cutOn(signal, client)
  for await (const _ of setInterval(EVERY_MS, undefined, { signal })) {
    const { rows } = await client.query<{ bytes: string }>('select pg_database_size($1) as bytes', [database])
    if (signal.aborted) return
    run.report({ phase: 'restore', done: Math.min(Number(rows[0]?.bytes), total), total, unit: 'bytes' })
  }
}
