import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { HoldPlaced, HoldReleased } from '@lifeboat/shared/bus/messages/expiry.ts'
import { holdKey, releaseKey } from '@lifeboat/shared/domain/keys.ts'
import { Release } from '@lifeboat/shared/domain/retention.ts'
import type { Lane } from '../deps.ts'
import { putJson } from '../expiry/small-object.ts'

/** The target learns of a hold: a catalogue that is rebuilt from it must not lose one. */
export function noteHold(lane: Lane): Handler<HoldPlaced> {
  return ({ released: _later, ...hold }, { signal }) =>
    lane.gate.through(signal, () => putJson(lane.target, holdKey(hold.sourceId, hold.holdId), hold, signal))
}

export function noteRelease(lane: Lane): Handler<HoldReleased> {
  return ({ sourceId, holdId, released }, { signal }) =>
    lane.gate.through(signal, () =>
      putJson(lane.target, releaseKey(sourceId, holdId), Release.parse({ holdId, ...released }), signal),
    )
}
