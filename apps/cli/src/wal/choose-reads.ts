import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { WalListing } from './list-wal.ts'

type Listed = Pick<WalListing, 'targetId' | 'sizes'>

/**
 * Objects of which a list shows already that they may be wrong: another target has another length under the same name. Which of them is right, if not all, since one that was
 * shipped twice may be encrypted to other keys, only its bytes tell.
 */
export function unequalWal(listings: readonly Listed[]): Map<TargetId, Key[]> {
  const lengths = new Map<Key, number>()
  const unequal = new Set<Key>()
  for (const { sizes } of listings)
    for (const [key, bytes] of sizes) {
      if ((lengths.get(key) ?? bytes) !== bytes) unequal.add(key)
      lengths.set(key, bytes)
    }
  return new Map(listings.map(({ targetId, sizes }) => [targetId, [...unequal].filter((key) => sizes.has(key))]))
}
