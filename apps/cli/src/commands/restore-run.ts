import { resolveSecret } from '@lifeboat/config/resolve-secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { signOrder } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { styleFor } from '../format/style.ts'
import { withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { addressOf } from '../restore/address.ts'
import { askPlan, hooksOf, type PlanArgs } from '../restore/ask-plan.ts'
import { sendOrder, writeOrder } from '../restore/hand-over.ts'
import { openKey } from '../restore/operator-keys.ts'
import { orderHead, type SigningArgs } from '../restore/orders.ts'
import { planText } from '../restore/plan-text.ts'
import { sealIdentity } from '../restore/seal-identity.ts'

export interface RestoreRunArgs extends PlanArgs, SigningArgs {
  identity?: string
}

/** Plans, has the plan confirmed, signs it and sends it, or writes it down for another operator to sign. */
export const restoreRun: Command<RestoreRunArgs> = (args, context) =>
  withFleet(context, ['sources', 'agents', 'policies', 'targets'], async ({ bus, config }) => {
    const { terminal, options, clock } = context
    const to = addressOf(config, args.source, args.target)
    // What is lacking is said before anybody waits for a plan.
    const key = await openKey(args.key, terminal)
    if (args.identity === undefined)
      throw new LifeboatError('CLI_USAGE', {
        problem: 'name the file of the age identity that opens the backup: --identity',
      })
    const from = { env: terminal.env, baseDir: terminal.cwd }
    const identity = resolveSecret(`file:${args.identity}` as SecretRef, from)
    orderHead(config.fleet, to, {}, args, clock.now())
    using line = new LiveLine(terminal, { silent: options.json ?? false })
    const plan = await askPlan(bus, to, args, { terminal, clock, line })
    line.say(planText(plan, styleFor(false)))
    const [obstacle] = plan.obstacles
    if (obstacle) throw new LifeboatError(obstacle.code, obstacle.facts)
    await confirmName(to.sourceId, args.yesIMean, terminal, line)
    const { backupId } = plan.backup
    const targets = [plan.targetId, ...to.targets.filter((each) => each !== plan.targetId)]
    const order: RestoreOrder = {
      ...{ action: 'restore', ...orderHead(config.fleet, to, hooksOf(args), args, clock.now()) },
      ...{ backupId, targets, unproven: args.unproven === true },
      sealedIdentity: await sealIdentity(identity, to.recipient, terminal.signal),
    }
    const wish = { restoreId: order.restoreId, agentId: to.agentId, order: await signOrder(order, key) }
    return args.out === undefined ? sendOrder(bus, wish, context, args.timeout) : writeOrder(args.out, wish, context)
  })
