import type { PolicyId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { parseWalKey } from '@lifeboat/shared/domain/wal.ts'
import type { ContentRole, PutOptions } from './target.ts'
import type { LockConfig } from './target-config.ts'

const DAY_MS = 86_400_000
/** What a backup is made of. Tombstones, holds and their like must stay removable. */
const LOCKED: readonly ContentRole[] = ['part', 'document', 'manifest']

/** How long a copy is locked from its put on, and each time that is renewed. */
export function copyLockMs({ days, policies }: LockConfig, policyId?: PolicyId): number {
  return ((policyId && policies[policyId]) ?? days) * DAY_MS
}

/** Until when an object that is put now is locked; undefined: it is not. Pieces of segments never are: they go as soon as their segment is whole. */
export function lockAtWrite(
  lock: LockConfig | undefined,
  key: Key,
  { role, policyId }: Pick<PutOptions, 'role' | 'policyId'>,
  nowMs = Date.now(),
): Date | undefined {
  if (lock === undefined) return undefined
  if (LOCKED.includes(role)) return new Date(nowMs + copyLockMs(lock, policyId))
  if (role !== 'wal' || lock.wal === undefined || parseWalKey(key)?.kind === 'piece') return undefined
  return new Date(nowMs + lock.wal * DAY_MS)
}
