import { readOrder } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { awaitBegun, sendOrder } from '../restore/hand-over.ts'
import { begunOf } from '../restore/history.ts'
import { obeyInTurn, type Turn } from '../restore/obey-in-turn.ts'
import { readOrderFile } from '../restore/order-file.ts'

/** Sends what was written down; a command by itself as `nats pub` would, those of a set one after the other. What its agent has already is waited for. */
export const restoreSend: Command<{ file: string; timeout?: string }> = ({ file, timeout }, context) =>
  withFleet(context, [], async ({ bus }) => {
    const { point, wishes } = await readOrderFile(file, context.terminal)
    const begun = await begunOf(bus, wishes)
    const [first] = wishes
    if (point === undefined && first) {
      const earlier = begun.get(first.restoreId)
      return earlier ? awaitBegun(bus, earlier, context, timeout) : sendOrder(bus, first, context, timeout)
    }
    const turns = wishes.map((wish): Turn => {
      const { sourceId, hooks } = readOrder(wish.order).order
      const earlier = begun.get(wish.restoreId)
      return { sourceId, hooks, ...(earlier ? { earlier } : { wish: async () => wish }) }
    })
    return obeyInTurn(bus, turns, context, {
      timeout,
      goesOn: '`lifeboat restore set … --out` writes down those alone',
    })
  })
