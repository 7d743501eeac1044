import { readdir, readFile, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isRunning } from '@lifeboat/shared/run/process-mark.ts'
import { type Left, leftFolders, MADE_BY } from './made-by.ts'

export const SOCKET_PREFIX = 'lb-'

const PG_SOCKET = '.s.PGSQL.'

/** A server that its maker began right before it was killed has its socket by then. */
const YOUNG_MS = 300_000

/**
 * Removes the folders of sockets whose makers were killed. One stays whose maker lives or cannot be seen from here (another container), in which a server listens, and that is
 * young or another account's.
 */
export async function sweepSocketFolders({ nowMs, ...where }: Pick<Left, 'root' | 'uid'> & { nowMs: number }) {
  for await (const folder of leftFolders({ ...where, prefix: SOCKET_PREFIX, untilMs: nowMs - YOUNG_MS })) {
    if (await isListenedAt(folder)) continue
    // Somebody else may be sweeping it as well, and what holds anything more is none.
    await removeFolder(folder).catch(() => {})
  }
}

/** Name by name: the account it belongs to may put links where root would follow a recursive removal. */
async function removeFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (name === MADE_BY || name.startsWith(PG_SOCKET)) await unlink(join(folder, name))
  await rmdir(folder)
}

/** A server outlives whoever began it. @see https://www.postgresql.org/docs/current/runtime-config-connection.html – beside each socket lies a lock file, whose first line is the server's pid */
async function isListenedAt(folder: string): Promise<boolean> {
  for (const lock of (await readdir(folder)).filter((name) => name.endsWith('.lock'))) {
    const pid = Number.parseInt((await readFile(join(folder, lock), 'utf8').catch(() => '')).trim(), 10)
    if (!(pid > 0) || (await isRunning({ pid, startTicks: undefined }))) return true
  }
  return false
}
