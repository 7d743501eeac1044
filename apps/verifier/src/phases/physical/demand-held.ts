import type { RecoveryPlan } from '@lifeboat/recovery/plan/plan.ts'
import type { HeldWal } from '@lifeboat/shared/domain/drill.ts'
import { parseLsn, segmentAt } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/**
 * An archive that lost its end leads somewhere without a hole, too. Of another timeline than the agent spoke of nothing can be said: the cluster was
 * put back, or the target does not hold the newest one yet.
 *
 * @throws LifeboatError WAL_MISSING
 */
export function demandHeld(held: HeldWal | undefined, { goal, timeline, wal }: RecoveryPlan): void {
  if (goal.to !== 'latest' || !held || !wal || timeline !== held.timeline || parseLsn(wal.end) >= parseLsn(held.lsn))
    return
  throw new LifeboatError('WAL_MISSING', {
    segment: segmentAt(held.timeline, parseLsn(wal.end), wal.segmentBytes),
    reaches: wal.end,
    problem: `this target confirmed WAL up to ${held.lsn}`,
  })
}
