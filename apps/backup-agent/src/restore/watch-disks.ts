import { statfs } from 'node:fs/promises'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

type Disk = RestorePlan['disks'][number]

/** What a server needs to go on with its own work, and for a checkpoint: without room for that it goes down, whoever filled the disk. */
const RESERVE_BYTES = 256 * 1024 ** 2
const RESERVE_SHARE = 0.05
/** A restore writes some 100 MB in that time. */
const LOOK_MS = 200

/**
 * Fires with RECOVERY_DISK_FULL before one of these disks is full to its last byte: production may lie on it as well.
 *
 * @param disks as the plan found them; no more than the plan leaves free is kept free
 */
export function watchDisks(disks: readonly Disk[]): { signal: AbortSignal } & Disposable {
  const full = new AbortController()
  const look = async (disk: Disk) => {
    const { bavail, blocks, bsize } = await statfs(disk.path)
    const { of, path, neededBytes } = disk
    const spareBytes = Math.round(Math.min(RESERVE_BYTES, blocks * bsize * RESERVE_SHARE, disk.freeBytes - neededBytes))
    const freeBytes = bavail * bsize
    if (freeBytes < spareBytes)
      full.abort(new LifeboatError('RECOVERY_DISK_FULL', { of, path, neededBytes, freeBytes, spareBytes }))
  }
  const timers = disks.map((disk) => {
    let looking = false
    return setInterval(async () => {
      if (looking) return
      looking = true
      // One that cannot be asked is not full.
      await look(disk).catch(() => {})
      looking = false
    }, LOOK_MS)
  })
  return {
    signal: full.signal,
    [Symbol.dispose]() {
      for (const timer of timers) clearInterval(timer)
    },
  }
}
