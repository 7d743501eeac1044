import { wishToLetGo } from '@lifeboat/catalog/expiry/wishes.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Command } from '../context.ts'
import { withPlan } from '../expiry/open-expiry.ts'
import { operator } from '../operator.ts'

/**
 * Lets go exactly what a plan showed: it is planned anew, and anything that changed since needs another look.
 *
 * @throws LifeboatError EXPIRY_PLAN_CHANGED · EXPIRY_TOO_MUCH
 */
export const expiryApply: Command<{ plan: string; source?: string; evenSo?: boolean }> = (args, context) =>
  withPlan(context, args.source, async ({ bus, plan, undeleteMs, nowMs }) => {
    if (plan.digest !== args.plan)
      throw new LifeboatError('EXPIRY_PLAN_CHANGED', { given: args.plan, now: plan.digest })
    if (plan.excess.length > 0 && !args.evenSo) throw new LifeboatError('EXPIRY_TOO_MUCH', { problems: plan.excess })
    const asked = await wishToLetGo({ bus }, plan, { by: operator(), undeleteMs, nowMs })
    const { digest, bytes } = plan
    return {
      value: { digest, bytes, ...asked, undeleteMs },
      text: () =>
        `${asked.copies} copies are let go (${formatBytes(bytes)}), and WAL of ${asked.wal} archives. Copies stay hidden for ${formatDuration(undeleteMs)}; \`lifeboat expiry undo BACKUP\` brings one back.`,
    }
  })
