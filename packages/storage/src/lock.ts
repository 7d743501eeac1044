import type { ContentRole } from './target.ts'
import type { LockConfig } from './target-config.ts'

const DAY_MS = 86_400_000
/** What a backup is made of. Tombstones, holds and their like must stay removable; WAL is not locked, neither its pieces, which go soon, nor finished segments. */
const LOCKED: readonly ContentRole[] = ['part', 'document', 'manifest']

export function lockedForMs({ days }: LockConfig): number {
  return days * DAY_MS
}

/** Until when an object that is put now is locked; undefined: it is not. */
export function lockAtWrite(lock: LockConfig | undefined, role: ContentRole, nowMs = Date.now()): Date | undefined {
  return lock !== undefined && LOCKED.includes(role) ? new Date(nowMs + lockedForMs(lock)) : undefined
}
