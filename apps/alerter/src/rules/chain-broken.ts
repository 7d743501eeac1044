import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { causeOf, planKey, type Rule, type WatchedPlan, type World } from '../world.ts'

/** A policy of incrementals took a full backup for a reason that should not be there; open until it takes an incremental again. */
export const chainBroken: Rule = (world) =>
  world.plans.flatMap((plan) => {
    if (plan.kind !== 'incremental') return []
    const newest = (world.backups.get(planKey(plan)) ?? []).find((row) => row.sealedAt !== undefined)
    if (newest === undefined) return { cause: causeOf('chain-broken', plan), unknown: true }
    const why = newest.physical?.fullBecause
    if (why === undefined || isOrdinary(newest, plan, world)) return []
    return {
      cause: causeOf('chain-broken', plan),
      rule: 'chain-broken',
      severity: 'warning',
      title: `An incremental of ${plan.sourceId} became a full backup (policy ${plan.policyId})`,
      details: [
        `${newest.backupId}, sealed at ${newest.sealedAt}`,
        `Because ${why}`,
        'It is a good backup; it took longer and more room than meant, and so does each one until the cause is gone',
      ],
      hint: 'WAL summaries: look at summarize_wal and wal_summary_keep_time on the server, which must be longer than between two backups. After a promotion or a restored agent it happens once.',
    }
  })

/** The first of all, and the one that begins a new chain because the last was as long as the policy wants. */
function isOrdinary(newest: BackupRow, plan: WatchedPlan, { physical }: World): boolean {
  const before = (physical.get(plan.sourceId) ?? []).filter((row) => row.backupId < newest.backupId)
  const [last] = before
  return last === undefined || (last.physical?.chain ?? 0) >= plan.maxChain
}
