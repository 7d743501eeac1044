import { chmod, chown, mkdir, mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { SourceConnection } from '../connection.ts'
import { findPostgresTools, type PostgresTools } from '../tools/find-tools.ts'
import { bootCluster, hasEnded, logTail, stopServer } from './boot.ts'
import type { BootPlan } from './boot-plan.ts'
import { type Account, type Claim, claimFolder, serverAccount, writeNote } from './owner.ts'
import { removeScratch, SCRATCH_PREFIX } from './sweep.ts'

export interface ScratchOptions {
  /** Folder for all scratch servers; made when it is missing. */
  root: string
  /** Unique, e.g. the drill id. */
  name: string
  /** Of the source; a server of the nearest newer major stands in where that one is not installed. */
  major: number
  /** Must be the one of the source (oid 10): grants are recorded as given by it. */
  superuser: string
  /** Refused before anything starts when the disk has less. */
  needBytes: number
  toolPaths: readonly string[]
  signal: AbortSignal
}

/** A throwaway PostgreSQL that only this account reaches, through a Unix socket. Disposing it removes every trace, unless it was kept. */
export interface ScratchServer extends AsyncDisposable {
  readonly major: number
  /** `postgres (PostgreSQL) 15.18 …` */
  readonly version: string
  /** Programs of the server's own major. */
  readonly tools: PostgresTools
  connection(database: string): SourceConnection
  /** An empty folder the server may use as a tablespace. */
  tablespaceFolder(no: number): Promise<string>
  /** Why the server itself is to blame for a failure; undefined while it lives and its disk has room. */
  trouble(): Promise<LifeboatError | undefined>
  /** Stops the server and leaves its files for a look. @returns their folder */
  keep(untilMs: number): Promise<string>
}

/** Longest path of a Unix socket on Linux is 107 bytes; macOS has 103. */
const SOCKET_PATH_BYTES = 103
const SOCKET_NAME = '/.s.PGSQL.5432'
/** What restored roles and databases may bring that would break our own sessions: no writing, a library not on this machine, another role. */
const SESSION = '-c default_transaction_read_only=off -c session_preload_libraries= -c role=none'
/** A disk filled to its last megabyte breaks more than a drill. */
const SPARE_BYTES = 512 * 1024 ** 2

/**
 * Boots a server in a folder of its own, without fsync and without TCP.
 *
 * @throws LifeboatError DRILL_SCRATCH_UNAVAILABLE – no such program, no room, initdb or the start failed; the signal's reason
 */
export async function openScratch(opts: ScratchOptions): Promise<ScratchServer> {
  const tools = await findPostgresTools(opts.major, ['initdb', 'postgres', 'pg_restore', 'psql'], opts).catch(
    (cause: LifeboatError) => {
      const { code: _, ...facts } = { code: cause.code, ...cause.facts }
      throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { ...facts, package: `postgresql-${opts.major}` }, { cause })
    },
  )
  const account = serverAccount()
  const folder = await makeFolder(opts, account)
  const claim = await layOut(folder, account)
  try {
    const programs = { initdb: (await tools.program('initdb')).path, postgres: (await tools.program('postgres')).path }
    const plan = {
      templates: opts.root,
      folder,
      account,
      ...programs,
      socketDir: claim.note.socketDir,
      superuser: opts.superuser,
      signal: opts.signal,
    }
    return await runningServer(plan, claim, tools)
  } catch (thrown) {
    await claim[Symbol.asyncDispose]()
    await removeScratch(folder, claim.note)
    throw thrown
  }
}

async function runningServer(plan: BootPlan, claim: Claim, tools: PostgresTools): Promise<ScratchServer> {
  const { folder, socketDir, account, superuser } = plan
  const server = await bootCluster(plan)
  const version = (await tools.program('postgres')).versionLine
  let kept = false
  return {
    major: tools.major,
    version,
    tools,
    connection: (database) => ({
      ...{ host: socketDir, port: 5432, database, user: superuser, sslmode: 'disable', options: SESSION },
    }),
    async tablespaceFolder(no) {
      return ownedFolder(join(folder, `tablespace-${no}`), account)
    },
    async trouble() {
      if (hasEnded(server)) {
        return new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', {
          problem: 'the server ended',
          log: await logTail(folder),
        })
      }
      return noRoom(folder, 0)
    },
    async keep(untilMs) {
      kept = true
      await stopServer(server, 'fast')
      await claim[Symbol.asyncDispose]()
      await writeNote(folder, { ...claim.note, keptUntil: untilMs })
      return folder
    },
    async [Symbol.asyncDispose]() {
      if (kept) return
      await stopServer(server, 'immediate')
      await claim[Symbol.asyncDispose]()
      await removeScratch(folder, claim.note)
    },
  }
}

async function makeFolder({ root, name, needBytes, signal }: ScratchOptions, account: Account): Promise<string> {
  signal.throwIfAborted()
  const folder = join(root, `${SCRATCH_PREFIX}${name}`)
  try {
    await mkdir(root, { recursive: true, mode: 0o755 })
    const trouble = await noRoom(root, needBytes)
    if (trouble) throw trouble
    return await ownedFolder(folder, account)
  } catch (cause) {
    if (LifeboatError.is(cause, 'DRILL_SCRATCH_UNAVAILABLE')) throw cause
    throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { path: folder, message: String(cause) }, { cause })
  }
}

async function noRoom(path: string, needBytes: number): Promise<LifeboatError | undefined> {
  const { bavail, bsize } = await statfs(path)
  const freeBytes = bavail * bsize
  if (freeBytes >= needBytes + SPARE_BYTES) return undefined
  return new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', {
    problem: 'not enough room',
    path,
    neededBytes: needBytes + SPARE_BYTES,
    freeBytes,
  })
}

async function layOut(folder: string, account: Account): Promise<Claim> {
  const own = join(folder, 'socket')
  const fits = Buffer.byteLength(own + SOCKET_NAME) <= SOCKET_PATH_BYTES
  const socketDir = fits ? await ownedFolder(own, account) : await owned(await mkdtemp(join(tmpdir(), 'lb-')), account)
  return claimFolder(folder, socketDir)
}

/** Fails when the folder exists: names are unique, and another drill's server is none of ours. */
async function ownedFolder(path: string, account: Account): Promise<string> {
  await mkdir(path)
  return owned(path, account)
}

async function owned(path: string, { uid, gid }: Account): Promise<string> {
  await chmod(path, 0o700)
  if (process.getuid?.() === 0) await chown(path, uid, gid)
  return path
}
