import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { causeOf, planKey, type Rule } from '../world.ts'
import { isPartial } from './is-partial.ts'
import { median } from './median.ts'

/** Data grows by the day, not by so many times overnight. */
const SUDDEN_RATIO = 3

/** The newest backup is suddenly far bigger than the ones before: a runaway table, or somebody else's data. */
export const growth: Rule = (world) =>
  world.plans.flatMap((plan) => {
    const sealed = (world.backups.get(planKey(plan)) ?? []).filter((row) => row.sealedAt !== undefined)
    const [newest, ...before] = sealed
    if (newest === undefined) return { cause: causeOf('growth', plan), unknown: true }
    // An incremental is as big as what changed, and a full one in its place as big as everything.
    if (plan.kind === 'incremental' || isPartial(newest)) return []
    const full = before.filter((row) => !isPartial(row))
    const sizes = full.slice(0, plan.size.medianOf).flatMap((row) => row.bytes ?? [])
    const usual = median(sizes)
    if (usual === undefined || newest.bytes === undefined || newest.bytes <= usual * SUDDEN_RATIO) return []
    return {
      cause: causeOf('growth', plan),
      rule: 'growth',
      severity: 'warning',
      title: `The backup of ${plan.sourceId} has grown suddenly (policy ${plan.policyId})`,
      details: [
        `${newest.backupId}, sealed at ${newest.sealedAt}`,
        `It has ${formatBytes(newest.bytes)}; the median of the ${sizes.length} before it is ${formatBytes(usual)}`,
      ],
      hint: 'Look which tables or folders grew (`lifeboat backup show`), and whether spool, targets and maxDuration are big enough for it.',
    }
  })
