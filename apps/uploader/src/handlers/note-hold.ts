import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { HoldPlaced, HoldReleased } from '@lifeboat/shared/bus/messages/expiry.ts'
import { holdKey, type Key, releaseKey } from '@lifeboat/shared/domain/keys.ts'
import { Release } from '@lifeboat/shared/domain/retention.ts'
import type { Lane } from '../deps.ts'
import { putJson } from '../expiry/small-object.ts'
import { demandFleet, type OwnTargets } from '../fleet-marker.ts'

/** The target learns of a hold: a catalogue that is rebuilt from it must not lose one. */
export function noteHold(own: OwnTargets, lane: Lane): Handler<HoldPlaced> {
  return ({ released: _later, ...hold }, { signal }) =>
    put(own, lane, holdKey(hold.sourceId, hold.holdId), hold, signal)
}

export function noteRelease(own: OwnTargets, lane: Lane): Handler<HoldReleased> {
  return ({ sourceId, holdId, released }, { signal }) =>
    put(own, lane, releaseKey(sourceId, holdId), Release.parse({ holdId, ...released }), signal)
}

function put(own: OwnTargets, { gate, target }: Lane, key: Key, value: object, signal: AbortSignal): Promise<void> {
  return gate.through(signal, async () => {
    await demandFleet(own, target, signal)
    await putJson(target, key, value, signal)
  })
}
