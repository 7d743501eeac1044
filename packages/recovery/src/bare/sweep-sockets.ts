import { lstat, readdir, readFile, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isRunning, ownPlace, type ProcessMark } from '@lifeboat/shared/run/process-mark.ts'

export const SOCKET_PREFIX = 'lb-'
/** Who made the folder; one without it is not known to be ours. */
export const SOCKET_MAKER = 'made-by.json'

const PG_SOCKET = '.s.PGSQL.'

/** A server that its maker began right before it was killed has its socket by then. */
const YOUNG_MS = 300_000

/**
 * Removes the folders of sockets whose makers were killed. One stays whose maker lives or cannot be seen from here (another container), in which a server listens, and that is
 * young or another account's.
 *
 * @param uid of the account they belong to
 */
export async function sweepSocketFolders({
  root,
  uid,
  nowMs,
}: {
  root: string
  uid: number | undefined
  nowMs: number
}) {
  const here = await ownPlace()
  for (const name of (await readdir(root)).filter((each) => each.startsWith(SOCKET_PREFIX))) {
    const folder = join(root, name)
    // Not what a link leads to.
    const found = await lstat(folder).catch(() => undefined)
    if (!found?.isDirectory() || found.uid !== uid || nowMs - found.mtimeMs <= YOUNG_MS) continue
    const maker = await makerOf(folder)
    if (maker === undefined || maker.place !== here || (await isRunning(maker)) || (await isListenedAt(folder)))
      continue
    // Somebody else may be sweeping it as well, and what holds anything more is none.
    await removeFolder(folder).catch(() => {})
  }
}

/** Name by name: the account it belongs to may put links where root would follow a recursive removal. */
async function removeFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (name === SOCKET_MAKER || name.startsWith(PG_SOCKET)) await unlink(join(folder, name))
  await rmdir(folder)
}

/** undefined where none is told, or not for certain. */
async function makerOf(folder: string): Promise<ProcessMark | undefined> {
  const file = join(folder, SOCKET_MAKER)
  const isFile = await lstat(file).then(
    (found) => found.isFile(),
    () => false,
  )
  // A pipe would be waited for.
  const text = isFile ? await readFile(file, 'utf8').catch(() => '') : ''
  try {
    const maker = JSON.parse(text) as ProcessMark
    return Number.isInteger(maker.pid) && maker.place && maker.startTicks ? maker : undefined
  } catch {
    return undefined
  }
}

/** A server outlives whoever began it. @see https://www.postgresql.org/docs/current/runtime-config-connection.html – beside each socket lies a lock file, whose first line is the server's pid */
async function isListenedAt(folder: string): Promise<boolean> {
  for (const lock of (await readdir(folder)).filter((name) => name.endsWith('.lock'))) {
    const pid = Number.parseInt((await readFile(join(folder, lock), 'utf8').catch(() => '')).trim(), 10)
    if (!(pid > 0) || (await isRunning({ pid, startTicks: undefined }))) return true
  }
  return false
}
