import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { signOrder } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { styleFor } from '../format/style.ts'
import { withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { addressOf } from '../restore/address.ts'
import { askPlan, type PlanArgs } from '../restore/ask-plan.ts'
import { sendOrder, tooFewText, writeOrder } from '../restore/hand-over.ts'
import { openKey } from '../restore/operator-keys.ts'
import { orderOf } from '../restore/order-of.ts'
import { orderHead, type SigningArgs } from '../restore/orders.ts'
import { planText } from '../restore/plan-text.ts'
import { sealIdentityFile } from '../restore/seal-identity.ts'

export type RestoreRunArgs = PlanArgs & SigningArgs

/** Plans, has the plan confirmed, signs it and sends it, or writes it down for another operator to sign. The plan is in the answer as well: with `--json` nothing else shows it. */
export const restoreRun: Command<RestoreRunArgs> = (args, context) =>
  withFleet(context, ['sources', 'agents', 'policies', 'targets'], async ({ bus, config }) => {
    const { terminal, options, clock } = context
    const to = addressOf(config, args.source, args.target, args.onto)
    // What is lacking is said before anybody waits for a plan.
    const key = await openKey(args.key, terminal)
    const sealedIdentity = await sealIdentityFile(args.identity, to.recipient, terminal)
    orderHead(config.fleet, to, {}, args, clock.now())
    using line = new LiveLine(terminal, { silent: options.json ?? false })
    const plan = await askPlan(bus, to, args, sealedIdentity, { terminal, clock, line })
    // The first obstacle ends the command and is told as its error.
    const [obstacle, ...further] = plan.obstacles
    line.say(planText({ ...plan, obstacles: further }, styleFor(false)))
    if (obstacle) throw new LifeboatError(obstacle.code, obstacle.facts)
    if (plan.signatures > 1 && args.out === undefined)
      throw new LifeboatError('CLI_USAGE', { problem: tooFewText(plan.signatures) })
    await confirmName(to.sourceId, args.yesIMean, terminal, line)
    const order = orderOf(to, args, { fleetId: config.fleet, plan, sealedIdentity, nowMs: clock.now() })
    const wish = { restoreId: order.restoreId, agentId: to.agentId, order: await signOrder(order, key) }
    const outcome = await (args.out === undefined
      ? sendOrder(bus, wish, context, args.timeout)
      : writeOrder(args.out, wish, context))
    return { ...outcome, value: { ...(outcome.value as object), plan } }
  })
