import type { Goal } from '@lifeboat/shared/domain/goal.ts'
import { type BackupId, type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import type { Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

export type { Goal }

/** A goal, and what the operator wants to decide about the way to it. */
export interface Wanted {
  goal: Goal
  /** Default: the newest one there is. */
  timeline?: Timeline
  /** Start from this backup and no other. */
  from?: BackupId
}

const ZONED = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?<offset>Z|[+-]\d{2}(?::?\d{2})?)?$/i
const HOURS_ONLY = /[+-]\d{2}$/

/**
 * Reads a time an operator typed. Without an offset it would be another moment on another machine, so it is refused.
 *
 * @returns milliseconds are kept, finer digits are cut off
 * @throws LifeboatError RECOVERY_TIME_UNZONED | RECOVERY_GOAL_UNREADABLE
 */
export function parseGoalTime(text: string): Moment {
  const found = ZONED.exec(text.trim())
  if (!found) throw new LifeboatError('RECOVERY_GOAL_UNREADABLE', { given: text })
  const offset = found.groups?.offset
  if (offset === undefined) throw new LifeboatError('RECOVERY_TIME_UNZONED', { given: text })
  const whole = HOURS_ONLY.test(offset) ? `${text.trim()}:00` : text.trim()
  const ms = Date.parse(whole.replace(' ', 'T'))
  if (Number.isNaN(ms)) throw new LifeboatError('RECOVERY_GOAL_UNREADABLE', { given: text })
  return moment(ms)
}

/** For people: `2026-09-26T12:00:00.000Z`, `log position 0/3000060`, `the end of the archived WAL`. */
export function describeGoal(goal: Goal): string {
  switch (goal.to) {
    case 'end of backup':
      return 'the end of the backup'
    case 'latest':
      return 'the end of the archived WAL'
    case 'time':
      return goal.time
    case 'lsn':
      return `log position ${goal.lsn}`
    case 'xid':
      return `transaction ${goal.xid}`
    case 'name':
      return `restore point ${goal.name}`
  }
}
