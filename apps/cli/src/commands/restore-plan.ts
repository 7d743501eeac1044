import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'
import { addressOf } from '../restore/address.ts'
import { askPlan, type PlanArgs } from '../restore/ask-plan.ts'
import { planText } from '../restore/plan-text.ts'
import { sealIdentityFile } from '../restore/seal-identity.ts'

/** What a restore would do; touches nothing. Without the identity that opens the backup it cannot tell whether that one fits. */
export const restorePlan: Command<PlanArgs> = (args, context) =>
  withFleet(context, ['sources', 'agents', 'policies', 'targets'], async ({ bus, config }) => {
    using line = new LiveLine(context.terminal, { silent: context.options.json ?? false })
    const to = addressOf(config, args.source, args.target, args.onto)
    const sealed =
      args.identity === undefined ? undefined : await sealIdentityFile(args.identity, to.recipient, context.terminal)
    const plan = await askPlan(bus, to, args, sealed, { ...context, line })
    return {
      value: plan,
      text: (style) => planText(plan, style),
      ...(plan.obstacles.length > 0 && { exit: 'failed' as const }),
    }
  })
