import { execFileSync } from 'node:child_process'
import { readFile, readlink, rename, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { lastBeat, SILENT_MS, startHeartbeat } from './heartbeat.ts'

/** Who may be running a server in a scratch folder, and what is to become of it. Kept in the folder itself. */
export interface ScratchNote {
  pid: number
  /** Where that pid means something: a PID namespace of one boot of one machine. undefined where the system does not tell. */
  place: string | undefined
  /** Clock ticks since boot at which the process began, where the system tells: a pid alone may belong to somebody else by now. */
  startTicks: string | undefined
  /** Folder of the Unix socket when the scratch folder's own path is too long for one. */
  socketDir: string
  /** Kept for a look until then, milliseconds UTC. */
  keptUntil?: number
}

const NOTE = 'scratch.json'

/** A folder that is ours; disposing ends its heartbeat and leaves the note. */
export interface Claim extends AsyncDisposable {
  readonly note: ScratchNote
}

/** From here on no sweep, wherever it runs, takes the folder for somebody's remains. */
export async function claimFolder(folder: string, socketDir: string): Promise<Claim> {
  const heart = await startHeartbeat(folder)
  const { pid } = process
  const note = { pid, place: await ownPlace(), startTicks: await startTicksOf(pid), socketDir }
  await writeNote(folder, note)
  return { note, [Symbol.asyncDispose]: () => heart[Symbol.asyncDispose]() }
}

export async function writeNote(folder: string, note: ScratchNote): Promise<void> {
  await writeFile(join(folder, `${NOTE}.partial`), JSON.stringify(note))
  await rename(join(folder, `${NOTE}.partial`), join(folder, NOTE))
}

/** undefined when there is none or it is broken: its maker died before anything began. */
export async function readNote(folder: string): Promise<ScratchNote | undefined> {
  const text = await readFile(join(folder, NOTE), 'utf8').catch(() => '')
  try {
    return JSON.parse(text) as ScratchNote
  } catch {
    return undefined
  }
}

/** By its process where we can see that, else by its heartbeat. */
export async function isAlive(folder: string, note: ScratchNote, now: number): Promise<boolean> {
  if (note.place !== undefined && note.place === (await ownPlace())) return isRunning(note)
  const beatAt = await lastBeat(folder)
  return beatAt !== undefined && now - beatAt <= SILENT_MS
}

async function isRunning({ pid, startTicks }: ScratchNote): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (err) {
    // EPERM: it lives, and is somebody else's.
    if ((err as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return startTicks === undefined || startTicks === (await startTicksOf(pid))
}

/** @see https://man7.org/linux/man-pages/man7/pid_namespaces.7.html – the inode of the first namespace is the same on every machine */
async function ownPlace(): Promise<string | undefined> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => undefined)
  const namespace = await readlink('/proc/self/ns/pid').catch(() => undefined)
  return boot === undefined || namespace === undefined ? undefined : `${boot.trim()} ${namespace}`
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html – field 22; the name in field 2 may hold spaces and parentheses */
async function startTicksOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie is dead; only its parent has not noticed.
  return state === 'Z' ? undefined : fields[18]
}

export interface Account {
  uid: number
  gid: number
}

/** PostgreSQL refuses to run as root: its own account stands in then. Otherwise it runs as whoever we are. */
export function serverAccount(): Account {
  const { uid, gid } = userInfo()
  if (uid !== 0) return { uid, gid }
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}
