import { setTimeout as pause } from 'node:timers/promises'
import { connectSource, type SourceClient, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { diagnoseSql } from '@lifeboat/postgres/diagnose.ts'
import { quoteIdent, quoteLiteral } from '@lifeboat/postgres/sql-text.ts'
import type { RestoreId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { compactTime } from '@lifeboat/shared/time/clock.ts'

const SESSION = { applicationName: 'lifeboat restore', lockTimeoutMs: 60_000 }
const LOOK_MS = 50
const DUPLICATE = '42P04'
const IN_USE = '55006'

/**
 * Gives a database a name that is free, and a mark that says which restore made it. Killed at any instruction, either both has happened or nothing.
 *
 * @param server to any other database of the same server, as a superuser
 * @throws LifeboatError RESTORE_NAME_TAKEN – nothing has changed
 */
export async function nameDatabase(
  server: SourceConnection,
  { from, name, restoreId }: { from: string; name: string; restoreId: RestoreId },
): Promise<void> {
  await using client = await connectSource(server, SESSION)
  const to = quoteIdent(name)
  try {
    await client.query('begin')
    await client.query(`alter database ${quoteIdent(from)} rename to ${to}`)
    await client.query(`alter database ${to} allow_connections true`)
    const found = await describe(client, name)
    if (!found) throw new LifeboatError('INTERNAL', { message: 'a database that was renamed is not there' })
    const comment = [...found.words, markOf(name, found.oid, restoreId)].join('\n')
    await client.query(`comment on database ${to} is ${quoteLiteral(comment)}`)
    await client.query('commit')
  } catch (thrown) {
    await client.query('rollback').catch(() => {})
    if ((thrown as { code?: unknown }).code !== DUPLICATE) throw diagnoseSql(thrown)
    throw new LifeboatError('RESTORE_NAME_TAKEN', { database: name }, { cause: thrown })
  }
}

/** Which restore made this database; undefined where none did, and where it has another name since. */
export async function makerOf(server: SourceConnection, name: string): Promise<RestoreId | undefined> {
  await using client = await connectSource(server, SESSION)
  return (await describe(client, name))?.maker
}

/**
 * Drops for good a database that a restore made. Sessions get `drainMs` to leave by themselves.
 *
 * @param opts.untilMs only one whose restore was signed by then
 * @throws LifeboatError RESTORE_NOT_MADE | RECOVERY_SWAP_BLOCKED – nothing has changed
 */
export async function dropMade(
  server: SourceConnection,
  name: string,
  { untilMs, drainMs, run }: { untilMs: number; drainMs: number; run: Pick<Run, 'signal'> },
): Promise<void> {
  await using client = await connectSource(server, SESSION)
  const problem = keptFor(await describe(client, name), untilMs)
  if (problem !== undefined) throw new LifeboatError('RESTORE_NOT_MADE', { database: name, problem })
  const until = Date.now() + drainMs
  while (Date.now() < until && (await isUsed(client, name))) await pause(LOOK_MS, undefined, { signal: run.signal })
  // Nothing brings it back.
  run.signal.throwIfAborted()
  try {
    await client.query(`drop database ${quoteIdent(name)} with (force)`)
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code !== IN_USE) throw diagnoseSql(thrown)
    throw new LifeboatError('RECOVERY_SWAP_BLOCKED', { database: name, problem: (thrown as Error).message })
  }
}

/** Why it is not dropped; undefined: it is. */
function keptFor(found: Described | undefined, untilMs: number): string | undefined {
  if (!found) return 'there is no such database'
  if (found.maker === undefined) return 'it bears no mark of a restore that made it under this name'
  // An id begins with the moment of its signature.
  return found.maker < compactTime(untilMs) ? undefined : `${found.maker} made it after this command was signed`
}

interface Described {
  oid: number
  /** What its comment says besides. */
  words: string[]
  maker: RestoreId | undefined
}

async function describe(client: SourceClient, name: string): Promise<Described | undefined> {
  const { rows } = await client.query<{ oid: number; comment: string | null }>(
    `select oid::int8::float8 as oid, shobj_description(oid, 'pg_database') as comment from pg_database where datname = $1`,
    [name],
  )
  const [found] = rows
  if (!found) return undefined
  const lines = found.comment?.split('\n') ?? []
  const mark = MARK.exec(lines.at(-1) ?? '')
  const maker = mark?.[1] as RestoreId | undefined
  const isOurs = maker !== undefined && lines.at(-1) === markOf(name, found.oid, maker)
  // That of another database came along with its dump.
  return { oid: found.oid, words: mark ? lines.slice(0, -1) : lines, maker: isOurs ? maker : undefined }
}

const MARK = /^Made by (\S+) of Lifeboat as .+; lifeboat restore release drops it\.$/

/** A copy of the comment, on another database, says of that nothing; nor does it of a database that was given another name since. */
function markOf(name: string, oid: number, restoreId: RestoreId): string {
  return `Made by ${restoreId} of Lifeboat as ${JSON.stringify(name)}, number ${oid}; lifeboat restore release drops it.`
}

async function isUsed(client: SourceClient, name: string): Promise<boolean> {
  const { rows } = await client.query(
    `select from pg_stat_activity where datname = $1 and backend_type = 'client backend' limit 1`,
    [name],
  )
  return rows.length > 0
}
