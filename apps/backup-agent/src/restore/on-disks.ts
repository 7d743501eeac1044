import { stat } from 'node:fs/promises'
import { existingParent, freeBytesAt } from '@lifeboat/recovery/bare/bare-plan.ts'
import { orDiskFull } from '@lifeboat/recovery/disk-full.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { type Facts, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { firstToFire } from '@lifeboat/shared/run/first-to-fire.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { watchDisks } from './watch-disks.ts'

type Disk = RestorePlan['disks'][number]

/** Of these it is said which disk it was. */
const OF_DISKS = ['RECOVERY_DISK_FULL', 'SOURCE_DISK_FULL', 'RESTORE_DISK_TROUBLE']

/**
 * Ends the work before it fills a disk of the plan to the last byte. Where one is full all the same, it is said which one it is and how much the plan wants there.
 *
 * @param work given the run, whose signal then fires
 * @throws what `work` throws; RECOVERY_DISK_FULL instead of a server without room
 */
export async function onDisks<T>(disks: readonly Disk[], run: Run, work: (watched: Run) => Promise<T>): Promise<T> {
  using watch = watchDisks(disks)
  using either = firstToFire([run.signal, watch.signal])
  try {
    return await work({ ...run, signal: either.signal })
  } catch (error) {
    // A connection that was cut for it says nothing of why.
    const thrown = watch.signal.aborted && !run.signal.aborted ? watch.signal.reason : error
    const full = orDiskFull(thrown, (thrown as NodeJS.ErrnoException).path)
    if (!(full instanceof LifeboatError) || !OF_DISKS.includes(full.code)) throw thrown
    const code = full.code === 'SOURCE_DISK_FULL' ? 'RECOVERY_DISK_FULL' : full.code
    throw new LifeboatError(code, { ...full.facts, ...(await diskOf(full, disks)) }, { cause: full })
  }
}

/** With what is free there now that everything is removed which the restore wrote. */
export async function withFreeBytes(err: LifeboatError): Promise<LifeboatError> {
  const { path } = err.facts
  if (!OF_DISKS.includes(err.code) || typeof path !== 'string') return err
  const freeBytes = await freeBytesAt(await existingParent(path))
  return new LifeboatError(err.code, { ...err.facts, freeBytes }, { cause: err })
}

/** Where a server keeps its data is not known to an agent that may not look there. */
async function diskOf({ code, facts }: LifeboatError, disks: readonly Disk[]): Promise<Facts> {
  const disk = code === 'SOURCE_DISK_FULL' ? disks.find(({ of }) => of === 'the server') : await onDevice(facts, disks)
  if (disk) return { of: disk.of, path: disk.path, neededBytes: disk.neededBytes }
  return code === 'SOURCE_DISK_FULL' ? { of: 'the server' } : {}
}

/** Who does not say which path it was has one disk only. */
async function onDevice({ path }: Facts, disks: readonly Disk[]): Promise<Disk | undefined> {
  if (typeof path !== 'string') return disks[0]
  const device = await deviceOf(path)
  for (const disk of disks) if ((await deviceOf(disk.path)) === device) return disk
  return undefined
}

async function deviceOf(path: string): Promise<number> {
  return (await stat(await existingParent(path))).dev
}
