import { planExpiry } from '@lifeboat/catalog/expiry/plan.ts'
import type { Command } from '../context.ts'
import { withPlanner } from '../expiry/open-expiry.ts'
import { planJson, planText } from '../expiry/plan-text.ts'

/** What would go and what stays, and why; nothing is changed. */
export const expiryPlan: Command<{ source?: string }> = ({ source }, context) =>
  withPlanner(context, source, async ({ planner, locked }) => {
    const plan = await planExpiry(planner)
    return { value: planJson(plan, locked), text: (style) => planText(plan, source, locked, style) }
  })
