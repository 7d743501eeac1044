import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'
import { addressOf } from '../restore/address.ts'
import { askPlan, type PlanArgs } from '../restore/ask-plan.ts'
import { planText } from '../restore/plan-text.ts'

/** What a restore would do; touches nothing and needs no key. */
export const restorePlan: Command<PlanArgs> = (args, context) =>
  withFleet(context, ['sources', 'agents', 'policies', 'targets'], async ({ bus, config }) => {
    using line = new LiveLine(context.terminal, { silent: context.options.json ?? false })
    const plan = await askPlan(bus, addressOf(config, args.source, args.target), args, { ...context, line })
    return {
      value: plan,
      text: (style) => planText(plan, style),
      ...(plan.obstacles.length > 0 && { exit: 'failed' as const }),
    }
  })
