import { ListedWal } from '@lifeboat/catalog/audit/wal-held.ts'
import type { LookedAt } from '@lifeboat/catalog/audit/wal-vanished.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { parseWalKey, type WalState, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { demandMarker } from '../fleet-marker.ts'

/** A look at one target, with what the log tells of it. */
export interface Look extends LookedAt {
  objects: number
  bytes: number
}

/** Lists the WAL of a source at each of its targets. One that is away or cannot be listed, or does not show its own marker, is left out: that says nothing of what lies there. */
export async function lookAtWal(
  { walDamage, log }: Pick<UploaderDeps, 'walDamage' | 'log'>,
  state: WalState,
  lanes: readonly Lane[],
  signal: AbortSignal,
): Promise<Map<TargetId, Look>> {
  const damages = (await Array.fromAsync(walDamage.entries(), ({ value }) => value)).filter(
    ({ sourceId, found, mended }) => sourceId === state.sourceId && found === 'damaged' && mended === undefined,
  )
  const looks = new Map<TargetId, Look>()
  for (const { target, gate } of lanes) {
    // Waiting for it would hold up every other source and target.
    if (gate.away) continue
    const bad = new Set(damages.filter(({ targetId }) => targetId === target.id).map(({ key }) => key))
    try {
      looks.set(target.id, await gate.through(signal, () => lookAt(target, state, bad, signal)))
    } catch (thrown) {
      signal.throwIfAborted()
      const err = LifeboatError.from(thrown)
      if (!err.code.startsWith('TARGET_')) throw thrown
      const facts = { targetId: target.id, sourceId: state.sourceId, err }
      log.warn({ event: 'wal.unsurveyed', ...facts }, 'the WAL at a target could not be looked at')
    }
  }
  return looks
}

async function lookAt(
  target: Target,
  { sourceId, segmentBytes }: WalState,
  bad: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Look> {
  await demandMarker(target, signal)
  const [held, good] = [new ListedWal(segmentBytes), new ListedWal(segmentBytes)]
  let [objects, bytes] = [0, 0]
  for await (const listed of target.list(walPrefix(sourceId), { signal })) {
    const object = parseWalKey(listed.key)
    if (object === undefined || listed.bytes === 0) continue
    held.add(object)
    if (!bad.has(listed.key)) good.add(object)
    objects += 1
    bytes += listed.bytes
  }
  return { held: held.held(), good: good.held(), objects, bytes }
}
