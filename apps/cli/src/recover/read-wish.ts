import { isAbsolute, resolve } from 'node:path'
import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import { STEADY_SESSION } from '@lifeboat/postgres/scratch/scratch-server.ts'
import type { Asked } from '@lifeboat/recovery/bare/pick.ts'
import { type Goal, parseGoalTime } from '@lifeboat/recovery/goal.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { Lsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { parseDuration } from '../parse-moment.ts'
import type { Terminal } from '../terminal.ts'

/** The options of `lifeboat recover` as typed. */
export interface RecoverArgs {
  from?: string
  identity?: string
  signer?: string[]
  source?: string
  backup?: string
  dump?: boolean
  until?: string
  timeline?: string
  to?: string
  server?: string
  as?: string
  replace?: boolean
  drain?: string
  confirm?: string
  port?: string
  pause?: boolean
  start?: boolean
  unproven?: boolean
  dryRun?: boolean
  toolPath?: string[]
}

/** What is to be brought back, and where to; `place` is undefined when nobody said. */
export interface RecoverWish {
  asked: Asked
  timeline: number | undefined
  place: FolderPlace | ServerPlace | undefined
}

export interface FolderPlace {
  folder: string
  port: number | undefined
  start: boolean
}

export interface ServerPlace {
  server: SourceConnection
  /** Default: the name it had. */
  as: string | undefined
  /** What bears the name may be put aside. */
  replace: { drainMs: number } | undefined
}

/** Sessions of a database that is replaced get so long to leave by themselves. */
export const DRAIN_MS = 10_000

/** Options that make no sense for a tree of files. */
const OF_DATABASES = ['dump', 'server', 'timeline', 'port', 'pause', 'start'] as const

/**
 * The folder a tree of files goes to, if one was said.
 *
 * @throws LifeboatError CLI_USAGE – an option of databases
 */
export function folderOfTree(args: RecoverArgs, { place }: RecoverWish): string | undefined {
  const given = OF_DATABASES.filter((option) => args[option] !== undefined)
  if (given.length > 0)
    throw usage(`a tree of files goes into a folder (--to) and takes no ${given.map((each) => `--${each}`).join(', ')}`)
  return place && 'folder' in place ? place.folder : undefined
}

/** @throws LifeboatError CLI_USAGE | RECOVERY_TIME_UNZONED | RECOVERY_GOAL_UNREADABLE */
export function readWish(args: RecoverArgs, terminal: Pick<Terminal, 'env' | 'cwd'>): RecoverWish {
  if (args.to !== undefined && args.server !== undefined)
    throw usage('--to makes a new server, --server takes one that is there: give one of them')
  if (args.server === undefined && args.replace) throw usage('--replace puts a database of a --server aside')
  if (args.server === undefined && args.as !== undefined) throw usage('--as names a database in a --server')
  if (args.server !== undefined && args.until !== undefined)
    throw usage('a moment (--until) takes a whole cluster: give --to instead of --server')
  const asked: Asked = {
    sourceId: parsed(SourceId, args.source, '--source'),
    backupId: parsed(BackupId, args.backup, '--backup'),
    goal: args.until === undefined ? undefined : parseGoal(args.until),
    dump: args.dump === true || args.server !== undefined,
    unproven: args.unproven,
  }
  return { asked, timeline: wholeNumber(args.timeline, '--timeline', 0xffff_ffff), place: placeOf(args, terminal) }
}

function placeOf(args: RecoverArgs, terminal: Pick<Terminal, 'env' | 'cwd'>): RecoverWish['place'] {
  if (args.server !== undefined) {
    const drainMs = args.drain === undefined ? DRAIN_MS : parseDuration(args.drain, '--drain')
    return { server: parseServer(args.server, terminal), as: args.as, replace: args.replace ? { drainMs } : undefined }
  }
  if (args.to === undefined) return undefined
  const port = wholeNumber(args.port, '--port', 65_535)
  return { folder: resolve(terminal.cwd, args.to), port, start: args.start === true }
}

/** `end`, `latest`, a time with its offset, a log position, `xid:731` or `name:before the release`. */
export function parseGoal(text: string): Goal {
  if (text === 'end') return { to: 'end of backup' }
  if (text === 'latest') return { to: 'latest' }
  const [, kind, value = ''] = /^(xid|name):(.+)$/s.exec(text) ?? []
  if (kind === 'name') return { to: 'name', name: value }
  if (kind === 'xid' && /^\d+$/.test(value)) return { to: 'xid', xid: value }
  const lsn = Lsn.safeParse(text.toUpperCase())
  return lsn.success ? { to: 'lsn', lsn: lsn.data } : { to: 'time', time: parseGoalTime(text) }
}

/** `postgres://user@host:port/database`; the password comes from PGPASSWORD, because an argument shows in the process list. */
export function parseServer(text: string, { env }: Pick<Terminal, 'env'>): SourceConnection {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^postgres(ql)?:$/.test(url.protocol))
    throw usage('--server is an address like postgres://postgres@127.0.0.1:5432/postgres')
  if (url.password !== '')
    throw usage('leave the password out of --server and put it into PGPASSWORD: arguments show in the process list')
  const socket = url.searchParams.get('host')
  const sslmode = url.searchParams.get('sslmode') ?? env.PGSSLMODE ?? 'prefer'
  return {
    host: socket && isAbsolute(socket) ? socket : decodeURIComponent(url.hostname) || '127.0.0.1',
    port: Number(url.port || '5432'),
    database: decodeURIComponent(url.pathname.slice(1)) || 'postgres',
    user: decodeURIComponent(url.username) || 'postgres',
    password: env.PGPASSWORD ? new Secret(env.PGPASSWORD) : undefined,
    sslmode: sslmode as SourceConnection['sslmode'],
    sslrootcert: url.searchParams.get('sslrootcert') ?? env.PGSSLROOTCERT,
    options: STEADY_SESSION,
  }
}

export function parsed<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  text: string | undefined,
  option: string,
): T | undefined {
  if (text === undefined) return undefined
  const found = schema.safeParse(text)
  if (!found.success) throw new LifeboatError('CLI_USAGE', { option, given: text, problem: 'no such name can exist' })
  return found.data
}

export function wholeNumber(text: string | undefined, option: string, most: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new LifeboatError('CLI_USAGE', { option, given: text, problem: `a whole number from 1 to ${most}` })
  return value
}

function usage(problem: string): LifeboatError {
  return new LifeboatError('CLI_USAGE', { problem })
}
