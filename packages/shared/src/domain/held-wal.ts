import type { HeldWal } from './drill.ts'
import type { TargetId } from './ids.ts'
import type { WalState } from './wal.ts'

/** @returns undefined: nothing is said of that target */
export function heldWalOf(state: WalState | undefined, targetId: TargetId): HeldWal | undefined {
  const there = state?.targets[targetId]
  if (state === undefined || there === undefined) return undefined
  const { lsn, heartbeatAt } = there
  return { timeline: state.timeline, lsn, ...(heartbeatAt && { heartbeatAt }) }
}
