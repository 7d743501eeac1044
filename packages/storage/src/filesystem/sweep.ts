import { readdir, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A put that wrote nothing for this long belongs to a process that is gone: a living one gives up a silent body long before. */
const STALE_MS = 60 * 60_000

/** Removes what killed processes left in the partial folder; never what somebody may still be writing. */
export async function sweepPartials(folder: string, nowMs: number): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name)
    const facts = await stat(path).catch(() => undefined)
    if (facts !== undefined && nowMs - facts.mtimeMs > STALE_MS) await unlink(path).catch(() => undefined)
  }
}

/** Removes the folders a removed file leaves empty, up to but without `root`. */
export async function removeEmptyFolders(root: string, folder: string): Promise<void> {
  for (let path = folder; path !== root; path = dirname(path)) {
    const emptied = await rmdir(path).then(
      () => true,
      () => false,
    )
    if (!emptied) return
  }
}
