import type { Command } from '../context.ts'
import { withPlan } from '../expiry/open-expiry.ts'
import { planJson, planText } from '../expiry/plan-text.ts'

/** What would go and what stays, and why; nothing is changed. */
export const expiryPlan: Command<{ source?: string }> = ({ source }, context) =>
  withPlan(context, source, async ({ plan }) => ({
    value: planJson(plan),
    text: (style) => planText(plan, source, style),
  }))
