import { signOrder } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { addressOf } from '../restore/address.ts'
import { hooksOf } from '../restore/ask-plan.ts'
import { sendOrder, writeOrder } from '../restore/hand-over.ts'
import { openKey } from '../restore/operator-keys.ts'
import { orderHead, type SigningArgs } from '../restore/orders.ts'

export interface PutBackArgs extends SigningArgs {
  source: string
  stopHook?: string
  startHook?: string
  readyHook?: string
}

/** Undoes the last restore of a source. */
export const restoreRevert = putBack('revert')
/** Drops for good what restores and reverts put aside. */
export const restoreRelease = putBack('release')

function putBack(action: 'revert' | 'release'): Command<PutBackArgs> {
  return (args, context) =>
    withFleet(context, ['sources', 'agents', 'policies', 'targets'], async ({ bus, config }) => {
      const { terminal, options, clock } = context
      const to = addressOf(config, args.source, undefined)
      const key = await openKey(args.key, terminal)
      const head = orderHead(config.fleet, to, hooksOf(args), args, clock.now())
      using line = new LiveLine(terminal, { silent: options.json ?? false })
      await confirmName(to.sourceId, args.yesIMean, terminal, line)
      const signed = await signOrder({ action, ...head }, key)
      const wish = { restoreId: head.restoreId, agentId: to.agentId, order: signed }
      return args.out === undefined ? sendOrder(bus, wish, context, args.timeout) : writeOrder(args.out, wish, context)
    })
}
