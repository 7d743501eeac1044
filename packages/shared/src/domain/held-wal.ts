import type { HeldWal } from './drill.ts'
import type { TargetId } from './ids.ts'
import type { WalState } from './wal.ts'

/** @returns undefined: nothing is said of that target */
export function heldWalOf(state: WalState | undefined, targetId: TargetId): HeldWal | undefined {
  const there = state?.targets[targetId]
  return state && there && { timeline: state.timeline, lsn: there.lsn }
}
