import { formatDuration } from '@lifeboat/shared/time/duration.ts'

/** What is to be done about the lock of one copy that stays, and why. */
export type LockStep =
  | { do: 'leave'; reason: string }
  /** `drift`: it should have been locked at every moment since it was put, and is not now. */
  | { do: 'extend'; untilMs: number; drift: boolean; reason: string }

/**
 * A lock is renewed when half of it is over: seldom, and long before it ends, so that uploaders may be away for as long as that.
 *
 * @param lockedUntilMs what the store says of the manifest; undefined: it is not locked
 * @param forMs how long a copy is locked from its put on
 */
export function lockStep(lockedUntilMs: number | undefined, forMs: number, nowMs: number): LockStep {
  const leftMs = (lockedUntilMs ?? 0) - nowMs
  if (leftMs >= forMs / 2) return { do: 'leave', reason: `locked for ${formatDuration(leftMs)} more` }
  const untilMs = nowMs + forMs
  if (leftMs > 0) return { do: 'extend', untilMs, drift: false, reason: `its lock ends in ${formatDuration(leftMs)}` }
  const reason = lockedUntilMs === undefined ? 'it is not locked' : `its lock ended ${formatDuration(-leftMs)} ago`
  return { do: 'extend', untilMs, drift: true, reason }
}
