import { formatLsn, parseLsn, type SegmentName } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Goal } from '../goal.ts'
import type { Reach } from './coverage.ts'

/** Clocks of the database host and of a store differ; closer than this only PostgreSQL decides. */
const CLOCKS_MS = 60_000

/**
 * Refuses what the archive surely does not lead to.
 *
 * A target's own time of an object is an upper bound of every commit in it; a goal behind the bound of all that can be replayed lies in the
 * hole, or behind the end. Below the bound the commit may still be missing: then PostgreSQL says so.
 *
 * @param segment the first that is not there, or not whole
 * @throws LifeboatError RECOVERY_IN_GAP | RECOVERY_BEYOND_ARCHIVE
 */
export function refuseGoal(goal: Goal, { end, storedBy, behind, objects }: Reach, segment: SegmentName): void {
  const facts = { segment, reaches: formatLsn(end), ...(behind && { thenFrom: formatLsn(behind.begin) }) }
  const beyond = (more: Record<string, string>) =>
    new LifeboatError(behind ? 'RECOVERY_IN_GAP' : 'RECOVERY_BEYOND_ARCHIVE', { ...facts, ...more })
  // The newest work lies behind the hole: what ends there is not the latest.
  if (goal.to === 'latest' && behind) throw beyond({})
  if (goal.to === 'lsn' && parseLsn(goal.lsn) > end) throw beyond({ goal: goal.lsn })
  if (goal.to !== 'time') return
  if (objects.length === 0) throw beyond({ goal: goal.time })
  if (storedBy !== undefined && Date.parse(goal.time) > storedBy + CLOCKS_MS)
    throw beyond({ goal: goal.time, holdsUntil: new Date(storedBy).toISOString() })
}
