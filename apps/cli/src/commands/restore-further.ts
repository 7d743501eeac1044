import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { signOrder } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { parseGoal } from '../recover/read-wish.ts'
import { addressOf } from '../restore/address.ts'
import { hooksOf } from '../restore/ask-plan.ts'
import { sendOrder, writeOrder } from '../restore/hand-over.ts'
import { openKey } from '../restore/operator-keys.ts'
import { orderHead, type SigningArgs } from '../restore/orders.ts'
import { sealIdentityFile } from '../restore/seal-identity.ts'

export interface FurtherArgs extends SigningArgs {
  source: string
  target?: string
  identity?: string
  until?: string
  inPlace?: boolean
  stopHook?: string
  startHook?: string
  readyHook?: string
}

/** Takes a cluster beside that stands still to a later point. */
export const restoreMove = further('move')
/** Ends its recovery where it stands, and puts it in place where that is said. */
export const restorePromote = further('promote')

function further(action: 'move' | 'promote'): Command<FurtherArgs> {
  return (args, context) =>
    withFleet(context, ['sources', 'agents', 'policies', 'targets'], async ({ bus, config }) => {
      const { terminal, options, clock } = context
      const to = addressOf(config, args.source, args.target)
      const key = await openKey(args.key, terminal)
      const sealedIdentity = await sealIdentityFile(args.identity, to.recipient, terminal)
      const head = orderHead(config.fleet, to, hooksOf(args), args, clock.now())
      const about = { kind: 'cluster', ...head, targets: to.targets, sealedIdentity } as const
      const order: RestoreOrder =
        action === 'promote'
          ? { action, ...about, ...(args.inPlace && { place: 'in place' as const }) }
          : { action, ...about, goal: goalOf(args) }
      using line = new LiveLine(terminal, { silent: options.json ?? false })
      await confirmName(to.sourceId, args.yesIMean, terminal, line)
      const wish = { restoreId: head.restoreId, agentId: to.agentId, order: await signOrder(order, key) }
      return args.out === undefined ? sendOrder(bus, wish, context, args.timeout) : writeOrder(args.out, wish, context)
    })
}

function goalOf({ until }: FurtherArgs) {
  if (until === undefined) throw new LifeboatError('CLI_USAGE', { problem: 'say how far: --until' })
  return parseGoal(until)
}
