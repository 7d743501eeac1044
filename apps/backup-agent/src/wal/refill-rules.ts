import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { higher, lower } from './holders.ts'

/** What was seen of one target; kept from one look to the next. */
export interface Watched {
  /** Where its hole begins, and since when it begins there. */
  hole?: { at: bigint; sinceMs: number }
  /** When it was last asked to be filled, or first looked at. */
  askedMs: number
}

export interface RefillQuestion {
  targetId: TargetId
  /** Where its first hole begins now. */
  hole: bigint | undefined
  before: Watched | undefined
  afterMs: number
  everyMs: number
  nowMs: number
}

/**
 * Whether a target is to be filled from others: announcements of WAL are kept for days only, so what a target missed while it was away for longer
 * never comes by itself.
 *
 * @returns a reason, or undefined; and what to remember
 */
export function judgeRefill(question: RefillQuestion): { reason: string | undefined; watched: Watched } {
  const { hole, before, afterMs, everyMs, nowMs } = question
  // A clock that went back makes nobody wait for it to come again.
  const askedMs = Math.min(before?.askedMs ?? nowMs, nowMs)
  const sinceMs = before?.hole?.at === hole ? Math.min(before?.hole?.sinceMs ?? nowMs, nowMs) : nowMs
  const watched: Watched = { askedMs, ...(hole !== undefined && { hole: { at: hole, sinceMs } }) }
  const stuck = hole !== undefined && nowMs - sinceMs >= afterMs && nowMs - askedMs >= afterMs
  if (stuck) return asked('it takes new WAL and older is missing', watched, nowMs)
  if (nowMs - askedMs >= everyMs) return asked('it is compared with the others from time to time', watched, nowMs)
  return { reason: undefined, watched }
}

function asked(reason: string, watched: Watched, nowMs: number): ReturnType<typeof judgeRefill> {
  return { reason, watched: { ...watched, askedMs: nowMs } }
}

/**
 * From where on a target is filled: the oldest backup that recovery may begin with, or where the target stopped, whichever is older. What it let go on purpose is not
 * brought back from another that still has it, since its own window begins earlier: its keys would be written a second time.
 *
 * @param begins where its own WAL begins since it let go of what is older; 0 when it let go of none
 */
export function refillFrom(position: bigint, starts: readonly bigint[], begins: bigint): bigint {
  return higher(starts.reduce(lower, position), begins)
}
