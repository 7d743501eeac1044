import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type HeldWal, isNone, NOTHING_HELD, together, without } from './wal-held.ts'

/** What one target lists, and of that what is not known to be damaged. */
export interface LookedAt {
  held: HeldWal
  good: HeldWal
}

/** What was seen at targets and is not there any more. */
export interface Vanished {
  /** By target; others may have it. */
  missing: ReadonlyMap<TargetId, HeldWal>
  /** What no target has whole. Says something only where every target could be listed. */
  gone: HeldWal
}

/**
 * Only what was seen there counts: a target that was added later, or was away, lacks what it never had.
 *
 * @param seen at any look before, at the same targets
 */
export function vanishedSince(seen: ReadonlyMap<TargetId, HeldWal>, now: ReadonlyMap<TargetId, LookedAt>): Vanished {
  const missing = [...now].map(
    ([targetId, { held }]) => [targetId, without(seen.get(targetId) ?? NOTHING_HELD, held)] as const,
  )
  const everything = together(...seen.values(), ...[...now.values()].map(({ held }) => held))
  return {
    missing: new Map(missing.filter(([, held]) => !isNone(held))),
    gone: without(everything, together(...[...now.values()].map(({ good }) => good))),
  }
}
