import type { Bucket } from '@lifeboat/shared/bus/bus.ts'
import type { HoldId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { holdKey, type Key } from '@lifeboat/shared/domain/keys.ts'
import { Hold } from '@lifeboat/shared/domain/retention.ts'
import { LONGEST_EVIDENCE_BYTES, readSmall } from '@lifeboat/storage/read-small.ts'
import type { Target } from '@lifeboat/storage/target.ts'

export type HoldsKnown = Pick<Bucket<Hold>, 'get'>

/**
 * The holds of a source that lie at a target and were not released: the bus may have lost them, or somebody may have removed them there. A release that is on its way to
 * the target counts. What is no hold keeps nothing; a rebuild tells of it.
 */
export async function holdsAt(
  target: Pick<Target, 'list' | 'get'>,
  sourceId: SourceId,
  { holds, signal }: { holds: HoldsKnown; signal: AbortSignal },
): Promise<Hold[]> {
  const keys = new Set((await Array.fromAsync(target.list(`${sourceId}/holds/`, { signal }))).map(({ key }) => key))
  const found: Hold[] = []
  for (const key of keys) {
    if (key.endsWith(RELEASED) || keys.has(key.replace(/\.json$/, RELEASED))) continue
    const bytes = await readSmall(await target.get(key, { signal }), key, LONGEST_EVIDENCE_BYTES)
    const hold = Hold.safeParse(jsonOf(bytes))
    if (hold.success && isInPlace(key, hold.data) && !(await isReleased(holds, hold.data.holdId))) found.push(hold.data)
  }
  return found
}

const RELEASED = '.released.json'

function isInPlace(key: Key, { sourceId, holdId }: Hold): boolean {
  return key === holdKey(sourceId, holdId)
}

async function isReleased(holds: HoldsKnown, holdId: HoldId): Promise<boolean> {
  return (await holds.get(holdId))?.value.released !== undefined
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}
