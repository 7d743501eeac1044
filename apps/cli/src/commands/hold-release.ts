import { HOLDS_BUCKET } from '@lifeboat/catalog/expiry/buckets.ts'
import { HoldReleased } from '@lifeboat/shared/bus/messages/expiry.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { operator } from '../operator.ts'

/** @throws LifeboatError HOLD_UNKNOWN */
export const holdRelease: Command<{ hold: string; why: string }> = ({ hold: holdId, why }, context) =>
  withFleet(context, [], async ({ bus }) => {
    const holds = await bus.bucket(HOLDS_BUCKET)
    const found = /^[\w-]+$/.test(holdId) ? await holds.get(holdId) : undefined
    if (found === undefined) throw new LifeboatError('HOLD_UNKNOWN', { holdId })
    const released = found.value.released ?? { by: operator(), why, at: moment(context.clock.now()) }
    const hold = { ...found.value, released }
    await holds.put(holdId, hold)
    await bus.publish(HoldReleased, hold)
    return { value: hold, text: () => `${holdId} is released` }
  })
