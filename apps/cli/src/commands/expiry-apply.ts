import { letGo } from '@lifeboat/catalog/expiry/let-go.ts'
import { PlanSummary } from '@lifeboat/catalog/expiry/plan.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Command } from '../context.ts'
import { withPlanner } from '../expiry/open-expiry.ts'
import { operator } from '../operator.ts'

/**
 * Lets go exactly what a plan showed: it is planned anew, and anything that changed since needs another look.
 *
 * @throws LifeboatError EXPIRY_PLAN_CHANGED · EXPIRY_TOO_MUCH
 */
export const expiryApply: Command<{ plan: string; source?: string; evenSo?: boolean }> = (args, context) =>
  withPlanner(context, args.source, async ({ bus, planner, undeleteMs, nowMs }) => {
    const plan = new PlanSummary()
    for await (const one of planner.sources()) plan.add(one)
    if (plan.digest !== args.plan)
      throw new LifeboatError('EXPIRY_PLAN_CHANGED', { given: args.plan, now: plan.digest })
    if (plan.excess.length > 0 && !args.evenSo) throw new LifeboatError('EXPIRY_TOO_MUCH', { problems: plan.excess })
    const { changed, ...asked } = await letGo({ bus }, planner, plan, { by: operator(), undeleteMs, nowMs })
    const { digest, bytes } = plan
    return {
      value: { digest, bytes, ...asked, changed, undeleteMs },
      text: () =>
        `${changed.map((source) => `${source} changed meanwhile and was left out; plan it anew.\n`).join('')}${asked.copies} copies are let go (${formatBytes(bytes)}), and WAL of ${asked.wal} archives. Copies stay hidden for ${formatDuration(undeleteMs)}; \`lifeboat expiry undo BACKUP\` brings one back.`,
    }
  })
