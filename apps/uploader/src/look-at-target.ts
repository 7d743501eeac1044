import type { Lane, UploaderDeps } from './deps.ts'
import { type OwnTargets, tryMarker } from './fleet-marker.ts'

/** Each look is two requests or three to the store, which bills them. */
const LOOK_EVERY_MS = 5 * 60_000

/** Asks a target whether it would take a put now, so that one that is away, refuses us or is another place by now is known before there is something to put. */
export async function lookAtTarget(
  deps: OwnTargets & Pick<UploaderDeps, 'footings' | 'log'>,
  { looks: target }: Pick<Lane, 'looks'>,
  signal: AbortSignal,
): Promise<void> {
  const { footings, log } = deps
  const look = async () => {
    await tryMarker(deps, target, signal)
    await target.tryOut?.({ signal })
  }
  await footings.keepLooking({ part: 'target', name: target.id }, look, { everyMs: LOOK_EVERY_MS, log, signal })
}
