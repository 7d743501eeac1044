import { execFileSync } from 'node:child_process'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { isRunning, markOf, ownPlace, type ProcessMark } from '@lifeboat/shared/run/process-mark.ts'
import { lastBeat, SILENT_MS, startHeartbeat } from './heartbeat.ts'

/** Who may be running a server in a scratch folder, and what is to become of it. Kept in the folder itself. */
export interface ScratchNote extends ProcessMark {
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
  const note = { ...(await markOf(process.pid)), socketDir }
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
