import { letGoBefore } from '@lifeboat/catalog/audit/wal-let-go.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { isLetGo, parseWalKey, rangeOf, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { UploaderDeps } from './deps.ts'

/** No longer than a large object is on its way: what was let go since it was asked about comes back in either case, and goes again with the next expiry. */
const ANEW_AFTER_MS = 1_000

type Words = Pick<UploaderDeps, 'walStates' | 'walLetGo'>
type IsBefore = (object: WalObject) => boolean

/**
 * Whether WAL that is not at a target was let go there on purpose: it lies before where the target's own WAL begins by now, or is a piece of a segment that is there
 * whole. While nobody knows where that is, only the pieces are.
 */
export async function wasLetGo(
  words: Words,
  target: Pick<Target, 'id' | 'list'>,
  { sourceId, key }: { sourceId: SourceId; key: Key },
  signal: AbortSignal,
): Promise<boolean> {
  const object = parseWalKey(key)
  if (object === undefined) return false
  const isBefore = await readLetGo(words, target.id, sourceId)
  if (isBefore(object)) return true
  if (object.kind !== 'piece') return false
  for await (const { key: other, bytes } of target.list(key.slice(0, key.indexOf('.')), { signal }))
    if (bytes > 0 && parseWalKey(other)?.kind === 'segment') return true
  return false
}

/** Asks one after the other whether they lie before where the target's own WAL begins by now; how far that is, is read anew once a second. */
export function letGoAnew(
  words: Words,
  { targetId, sourceId, clock }: { targetId: TargetId; sourceId: SourceId; clock: Clock },
): (object: WalObject) => Promise<boolean> {
  let read: { isBefore: IsBefore; atMs: number } | undefined
  return async (object) => {
    const atMs = clock.now()
    if (read === undefined || Math.abs(atMs - read.atMs) >= ANEW_AFTER_MS)
      read = { isBefore: await readLetGo(words, targetId, sourceId), atMs }
    return read.isBefore(object)
  }
}

/** By what lies before where the target's own WAL begins by now, as far as anybody knows. */
async function readLetGo({ walStates, walLetGo }: Words, targetId: TargetId, sourceId: SourceId): Promise<IsBefore> {
  const state = (await walStates.get(sourceId))?.value
  if (state === undefined) return () => false
  const words = await letGoBefore(walLetGo, state, targetId)
  return (object) => {
    const range = rangeOf(object, state.segmentBytes)
    return range !== undefined && words.some((word) => isLetGo(word, range))
  }
}
