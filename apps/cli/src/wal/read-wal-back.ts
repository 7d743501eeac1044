import type { WalDamage } from '@lifeboat/catalog/audit/buckets.ts'
import { readWal } from '@lifeboat/catalog/audit/read-wal.ts'
import { tellWalReading } from '@lifeboat/catalog/audit/tell-looks.ts'
import type { Bucket, Bus } from '@lifeboat/shared/bus/bus.ts'
import { moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Target } from '@lifeboat/storage/target.ts'

export interface ReadingPlace {
  bus: Pick<Bus, 'publish'>
  damages: Bucket<WalDamage>
  clock: Clock
  signal: AbortSignal
  /** Hears of bytes as they come. */
  progress: (bytes: number) => void
}

/** What reading WAL back at one target came to. */
export interface WalReadBack {
  objects: number
  bad: Pick<WalDamage, 'key' | 'found' | 'problem'>[]
}

/** Reads objects of WAL of one source at a target; tells of each, and asks for what is wrong to be put anew. What is not there was let go since it was listed. */
export async function readWalBack(
  target: Target,
  sourceId: SourceId,
  keys: Iterable<Key> | AsyncIterable<Key>,
  { bus, damages, clock, signal, progress }: ReadingPlace,
): Promise<WalReadBack> {
  const read: WalReadBack = { objects: 0, bad: [] }
  for await (const key of keys) {
    const { found, problem } = await readWal(target, key, { signal, progress })
    if (found === 'missing') continue
    read.objects += 1
    await tellWalReading(
      bus,
      damages,
      { sourceId, targetId: target.id, key, at: moment(clock.now()) },
      { found, problem },
    )
    if (found === 'damaged') read.bad.push({ key, found, problem })
  }
  return read
}
