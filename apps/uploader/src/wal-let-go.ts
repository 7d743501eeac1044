import { endsBefore } from '@lifeboat/catalog/expiry/wal-window.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { parseWalKey, type SegmentName } from '@lifeboat/shared/domain/wal.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { UploaderDeps } from './deps.ts'

type Needs = Pick<UploaderDeps, 'walRecords' | 'walStates'>

/** Whether WAL that is not there was let go on purpose: it lies before where the archive begins by now, or is a piece of a segment that is there whole. */
export async function wasLetGo(
  { walRecords, walStates }: Needs,
  target: Pick<Target, 'list'>,
  { sourceId, key }: { sourceId: SourceId; key: Key },
  signal: AbortSignal,
): Promise<boolean> {
  const object = parseWalKey(key)
  if (object === undefined) return false
  if (object.kind === 'piece' && (await isThereWhole(target, key, object.segment, signal))) return true
  const { since, expired = false } = (await walRecords.get(sourceId))?.value ?? {}
  const segmentBytes = (await walStates.get(sourceId))?.value.segmentBytes
  if (!expired || since?.timeline === undefined || segmentBytes === undefined) return false
  return endsBefore(object, { timeline: since.timeline, before: since.lsn }, segmentBytes)
}

async function isThereWhole(
  target: Pick<Target, 'list'>,
  key: Key,
  segment: SegmentName,
  signal: AbortSignal,
): Promise<boolean> {
  const prefix = key.slice(0, key.lastIndexOf('/') + 1) + segment
  for await (const there of target.list(prefix, { signal }))
    if (there.bytes > 0 && parseWalKey(there.key)?.kind === 'segment') return true
  return false
}
