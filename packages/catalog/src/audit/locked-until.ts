import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import { manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { About } from './keep-locked.ts'

/** Until when the store refuses to remove a copy, as it says of the manifest, which is locked last; undefined: it is not locked, or this kind of target has no locks. */
export async function lockedUntil(
  target: Pick<Target, 'abilities' | 'stat'>,
  { sourceId, backupId }: About,
  signal: AbortSignal,
): Promise<Moment | undefined> {
  if (!target.abilities.immutability) return undefined
  const until = (await target.stat(manifestKey(sourceId, backupId), { signal }))?.lockedUntil
  return until === undefined ? undefined : moment(Date.parse(until))
}
