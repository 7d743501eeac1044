import type { Bucket, BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LetGoBefore, type LetGoWord, parseLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { z } from 'zod'

/** How far WAL of a source was let go at a target, by whoever removes it: written before the first object goes. */
export const WalLetGo = z.object({
  sourceId: SourceId,
  targetId: TargetId,
  /** The widest of each timeline. */
  before: z.array(LetGoBefore),
})
export type WalLetGo = z.infer<typeof WalLetGo>

/** Key: `TARGET.SOURCE`. */
export const WAL_LET_GO_BUCKET: BucketDefinition<WalLetGo> = {
  name: 'lifeboat_wal_let_go',
  summary: 'How far WAL of each source was let go at each target, written before the first object is removed.',
  schema: WalLetGo,
  permanent: true,
}

/** Resolves when it is durable. */
export async function noteLetGo(
  bucket: Bucket<WalLetGo>,
  { sourceId, targetId, ...word }: Pick<WalLetGo, 'sourceId' | 'targetId'> & LetGoBefore,
): Promise<void> {
  const key = keyOf(targetId, sourceId)
  for (;;) {
    const known = await bucket.get(key)
    const before = withWord(known?.value.before ?? [], word)
    if (before === known?.value.before) return
    const value = { sourceId, targetId, before }
    const written = known ? await bucket.update(key, value, known.revision) : await bucket.create(key, value)
    if (written !== undefined) return
  }
}

/**
 * Up to where WAL was let go at a target, by who removed it and by what its agent heard of that: an agent that does not run hears nothing. What was noted of a timeline
 * newer than the present one says nothing of that and of older ones.
 *
 * @param timeline the present one; undefined: not known, and each word counts whole
 */
export async function letGoBefore(
  bucket: Pick<Bucket<WalLetGo>, 'get'>,
  { sourceId, targets, timeline }: Pick<WalState, 'sourceId' | 'targets'> & Partial<Pick<WalState, 'timeline'>>,
  targetId: TargetId,
): Promise<readonly LetGoWord[]> {
  const noted = (await bucket.get(keyOf(targetId, sourceId)))?.value.before ?? []
  const isLeft = (word: LetGoBefore) => timeline !== undefined && word.timeline > timeline
  const present = noted.filter((word) => !isLeft(word))
  const left = noted.filter(isLeft).map((word) => ({ ...word, newerThan: timeline }))
  const heard = targets[targetId]?.begins
  return [...(heard === undefined ? present : withWord(present, heard)), ...left]
}

/** The same list when it says so already. */
export function withWord(known: LetGoBefore[], word: LetGoBefore): LetGoBefore[] {
  const own = known.find(({ timeline }) => timeline === word.timeline)
  if (own !== undefined && parseLsn(own.lsn) >= parseLsn(word.lsn)) return known
  return [...known.filter((other) => other !== own), word]
}

function keyOf(targetId: TargetId, sourceId: SourceId): string {
  return `${targetId}.${sourceId}`
}
