import { setTimeout as pause } from 'node:timers/promises'
import { connectSource, type SourceClient, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { diagnoseSql } from '@lifeboat/postgres/diagnose.ts'
import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'

export interface Swap {
  /** The name everybody uses. */
  live: string
  /** What is to bear that name. */
  next: string
  /** Under which the present one stays; nobody can enter it there. undefined: the name has to be free. */
  aside: string | undefined
  /** Sessions get this long to leave by themselves. */
  drainMs: number
}

export interface Swapped {
  aside: string
  /** Sessions that did not leave and were ended. */
  terminated: number
}

const SESSION = { applicationName: 'lifeboat recover', lockTimeoutMs: 60_000 }
const LOOK_MS = 50
/** The server itself waits five seconds for sessions to go. */
const TRIES = 3

/**
 * Puts one database in the place of another by renaming both in one transaction; where nothing bears the name, it is only taken. Killed at any instruction, either nothing has happened or everything.
 *
 * The rename locks the database before it waits for its sessions: who connects meanwhile waits, and is told to try again when it is done. So sessions
 * are ended while it waits, and none can slip in between.
 *
 * @param server to any other database of the same server, as a superuser
 * @returns undefined: nothing bore the name
 * @throws LifeboatError RECOVERY_SWAP_BLOCKED – something in it cannot be ended, a prepared transaction for instance; nothing has changed
 */
export async function swapDatabases(
  server: SourceConnection,
  swap: Swap,
  run: Pick<Run, 'signal'>,
): Promise<Swapped | undefined> {
  if ([swap.live, swap.next].includes(server.database))
    throw new LifeboatError('RECOVERY_SWAP_BLOCKED', { problem: `connect to another database than ${server.database}` })
  await using renaming = await connectSource(server, SESSION)
  await using looking = await connectSource(server, SESSION)
  const { aside } = swap
  if (aside === undefined || !(await isThere(looking, swap.live))) return await takeName(renaming, swap)
  await drained(looking, swap, run)
  for (let attempt = 1; ; attempt++) {
    run.signal.throwIfAborted()
    try {
      return await renameBoth(renaming, looking, { ...swap, aside })
    } catch (thrown) {
      const busy = (thrown as { code?: unknown }).code === '55006'
      if (busy && attempt < TRIES) continue
      throw busy ? await refusal(looking, swap, thrown) : diagnoseSql(thrown)
    }
  }
}

async function isThere(client: SourceClient, database: string): Promise<boolean> {
  const { rows } = await client.query('select from pg_database where datname = $1', [database])
  return rows.length > 0
}

/** Refused by the server when somebody took the name meanwhile. */
async function takeName(client: SourceClient, swap: Pick<Swap, 'live' | 'next'>): Promise<undefined> {
  const [live, next] = [swap.live, swap.next].map(quoteIdent)
  try {
    await client.query('begin')
    await client.query(`alter database ${next} rename to ${live}`)
    await client.query(`alter database ${live} allow_connections true`)
    await client.query('commit')
  } catch (thrown) {
    await client.query('rollback').catch(() => {})
    throw diagnoseSql(thrown)
  }
}

async function drained(client: SourceClient, { live, drainMs }: Swap, { signal }: Pick<Run, 'signal'>): Promise<void> {
  const until = Date.now() + drainMs
  while (Date.now() < until && (await sessionsIn(client, live)) > 0) await pause(LOOK_MS, undefined, { signal })
}

async function renameBoth(
  renaming: SourceClient,
  looking: SourceClient,
  swap: Swap & { aside: string },
): Promise<Swapped> {
  const [live, next, aside] = [swap.live, swap.next, swap.aside].map(quoteIdent)
  const ended = new Set<number>()
  await renaming.query('begin')
  try {
    const waiting = new AbortController()
    const cutting = endSessions(looking, swap.live, ended, waiting.signal)
    try {
      await renaming.query(`alter database ${live} rename to ${aside}`)
    } finally {
      waiting.abort()
      await cutting
    }
    await renaming.query(`alter database ${aside} allow_connections false`)
    await renaming.query(`alter database ${next} rename to ${live}`)
    await renaming.query(`alter database ${live} allow_connections true`)
    await renaming.query('commit')
    return { aside: swap.aside, terminated: ended.size }
  } catch (thrown) {
    await renaming.query('rollback').catch(() => {})
    throw thrown
  }
}

async function endSessions(client: SourceClient, live: string, ended: Set<number>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // In the select list: as a condition it could be asked before the other one, and end the sessions of everybody.
    const { rows } = await client.query<{ pid: number }>(
      'select pid, pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
      [live],
    )
    for (const { pid } of rows) ended.add(pid)
    await pause(LOOK_MS)
  }
}

async function sessionsIn(client: SourceClient, live: string): Promise<number> {
  const { rows } = await client.query<{ sessions: number }>(
    `select count(*)::int as sessions from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
    [live],
  )
  return rows[0]?.sessions ?? 0
}

async function refusal(client: SourceClient, { live }: Swap, cause: unknown): Promise<LifeboatError> {
  const { rows } = await client.query<{ gid: string }>('select gid from pg_prepared_xacts where database = $1', [live])
  const prepared = rows.map(({ gid }) => gid)
  const problem = (cause as Error).message
  return new LifeboatError(
    'RECOVERY_SWAP_BLOCKED',
    { database: live, problem, ...(prepared.length > 0 && { prepared }) },
    { cause },
  )
}
