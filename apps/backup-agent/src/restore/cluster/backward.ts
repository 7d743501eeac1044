import { describeGoal } from '@lifeboat/recovery/goal.ts'
import type { Goal } from '@lifeboat/shared/domain/goal.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { BesideNote } from './beside-note.ts'

/**
 * Refuses a goal that surely lies behind a cluster that was replayed. Where a transaction or a restore point lies only the replay tells.
 *
 * @throws LifeboatError RESTORE_BACKWARD
 */
export function refuseBackward(goal: Goal, { recovered, goal: reached }: Pick<BesideNote, 'recovered' | 'goal'>): void {
  const { lsn, lastCommitAt } = recovered
  const behind =
    goal.to === 'end of backup' ||
    (goal.to === 'lsn' && parseLsn(goal.lsn) < parseLsn(lsn)) ||
    (goal.to === 'time' && lastCommitAt !== undefined && goal.time < lastCommitAt) ||
    (goal.to === 'time' && reached.to === 'time' && goal.time < reached.time)
  if (behind) throw new LifeboatError('RESTORE_BACKWARD', { standsAt: lsn, lastCommitAt, goal: describeGoal(goal) })
}
