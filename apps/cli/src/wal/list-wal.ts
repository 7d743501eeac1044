import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { clusterKey, parseWalKey, type WalObject, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/** What one target lists of the WAL of a source. */
export interface WalListing {
  targetId: TargetId
  objects: WalObject[]
  bytes: number
  /** Of each of these objects, bytes. */
  sizes: Map<Key, number>
  /** Keys that are none of ours, at most ten; and objects without a byte in them, which cannot be what their name says. */
  strange: string[]
  /** When the archive began there; undefined: the marker of the cluster is missing. */
  since?: number
}

const SHOWN_STRANGERS = 10

/** @param progress called after each object with how many there were */
export async function listWal(
  target: Target,
  source: SourceId,
  opts: { signal: AbortSignal; progress: (done: number) => void },
): Promise<WalListing> {
  const listing: WalListing = { targetId: target.id, objects: [], bytes: 0, sizes: new Map(), strange: [] }
  for await (const { key, bytes, storedAt } of target.list(walPrefix(source), { signal: opts.signal })) {
    const object = parseWalKey(key)
    if (object && bytes > 0) {
      listing.objects.push(object)
      listing.bytes += bytes
      listing.sizes.set(key, bytes)
    } else if (key === clusterKey(source)) listing.since = storedAt === undefined ? 0 : Date.parse(storedAt) || 0
    else if (listing.strange.length < SHOWN_STRANGERS) listing.strange.push(key)
    opts.progress(listing.objects.length)
  }
  return listing
}
