import { chmod, chown, mkdir, mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { findPostgresTools, type PostgresTools } from '../tools/find-tools.ts'
import { type Account, claimFolder, serverAccount, writeNote } from './owner.ts'
import { removeScratch, SCRATCH_PREFIX } from './sweep.ts'

export interface RoomOptions {
  /** Folder for all scratch servers; made when it is missing. */
  root: string
  /** Unique, e.g. the drill id. */
  name: string
  /** Of the source; programs of the nearest newer major stand in where that one is not installed. */
  major: number
  /** Programs that must be there. */
  tools: readonly string[]
  /** Refused before anything starts when the disk has less. */
  needBytes: number
  toolPaths: readonly string[]
  signal: AbortSignal
}

/** A folder for one throwaway cluster and the programs for it. Disposing removes every trace, unless it was kept. */
export interface ScratchRoom extends AsyncDisposable {
  readonly folder: string
  /** The cluster belongs here; a server left running in it is found and stopped. */
  readonly dataDir: string
  readonly socketDir: string
  readonly account: Account
  readonly tools: PostgresTools
  /** An empty folder of the account. */
  makeFolder(name: string): Promise<string>
  /** undefined while the disk has room. */
  noRoom(): Promise<LifeboatError | undefined>
  /** Disposing leaves the files until then. */
  keep(untilMs: number): Promise<string>
}

/** Longest path of a Unix socket on Linux is 107 bytes; macOS has 103. */
const SOCKET_PATH_BYTES = 103
const SOCKET_NAME = '/.s.PGSQL.5432'
/** A disk filled to its last megabyte breaks more than a drill. */
const SPARE_BYTES = 512 * 1024 ** 2

/** @throws LifeboatError DRILL_SCRATCH_UNAVAILABLE – no such program, no room, no right to the folder; the signal's reason */
export async function openScratchRoom(opts: RoomOptions): Promise<ScratchRoom> {
  const tools = await findPostgresTools(opts.major, opts.tools, opts).catch((cause: LifeboatError) => {
    const { code: _, ...facts } = { code: cause.code, ...cause.facts }
    throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { ...facts, package: `postgresql-${opts.major}` }, { cause })
  })
  const account = serverAccount()
  const folder = await makeRoom(opts, account)
  const socketDir = await makeSocketDir(folder, account)
  const claim = await claimFolder(folder, socketDir)
  let kept = false
  return {
    ...{ folder, socketDir, account, tools, dataDir: join(folder, 'data') },
    makeFolder: (name) => ownedFolder(join(folder, name), account),
    noRoom: () => noRoom(folder, 0),
    async keep(untilMs) {
      kept = true
      await claim[Symbol.asyncDispose]()
      await writeNote(folder, { ...claim.note, keptUntil: untilMs })
      return folder
    },
    async [Symbol.asyncDispose]() {
      if (kept) return
      await claim[Symbol.asyncDispose]()
      await removeScratch(folder, claim.note)
    },
  }
}

async function makeRoom({ root, name, needBytes, signal }: RoomOptions, account: Account): Promise<string> {
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

async function makeSocketDir(folder: string, account: Account): Promise<string> {
  const own = join(folder, 'socket')
  const fits = Buffer.byteLength(own + SOCKET_NAME) <= SOCKET_PATH_BYTES
  return fits ? ownedFolder(own, account) : owned(await mkdtemp(join(tmpdir(), 'lb-')), account)
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
