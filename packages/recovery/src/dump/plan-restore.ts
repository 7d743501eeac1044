import { formatBytes } from '@lifeboat/shared/time/duration.ts'

/** Below this the file that parallel jobs need costs more than they save. */
const WORTH_PARALLEL_BYTES = 2 * 1024 ** 3
/** The uncompressed archive and the database, and as much again to breathe. */
const ROOM_FACTOR = 3

/** How to restore, and why: straight through with constant disk, or over a file with parallel jobs. `reason` ends a sentence. */
export function planRestore(facts: { databaseBytes: number; freeBytes: number; cores: number }): {
  jobs: number
  reason: string
} {
  const { databaseBytes, freeBytes, cores } = facts
  const size = formatBytes(databaseBytes)
  if (cores < 2) return { jobs: 1, reason: 'it was streamed, for there is one core.' }
  if (databaseBytes < WORTH_PARALLEL_BYTES)
    return { jobs: 1, reason: `it was streamed, for ${size} are not worth a file for parallel jobs.` }
  if (freeBytes < databaseBytes * ROOM_FACTOR)
    return {
      jobs: 1,
      reason: `it was streamed, for ${formatBytes(freeBytes)} of disk leave no room for an archive of ${size}.`,
    }
  return { jobs: Math.min(cores, 8), reason: `${Math.min(cores, 8)} jobs restored ${size} in parallel.` }
}
