import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { isActive, timesOf } from './run-times.ts'

export interface Overrun {
  entry: LedgerEntry
  reason: string
}

/**
 * The runs that have begun and exceed the time their policy allows: each is to be cancelled and reported.
 * A run nobody began is not overdue but missed (see due.ts).
 */
export function overruns(runs: readonly LedgerEntry[], nowMs: number): Overrun[] {
  return runs
    .filter(isActive)
    .map(timesOf)
    .filter((run) => nowMs > run.deadlineMs)
    .map(({ entry, beganMs }) => ({
      entry,
      reason: Number.isFinite(beganMs)
        ? `attempt ${entry.attempt} has run for ${formatDuration(nowMs - beganMs)}; it was to end by ${entry.deadlineAt}`
        : `it was to end by ${entry.deadlineAt}`,
    }))
}
