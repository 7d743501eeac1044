import type { ConfigOf } from '@lifeboat/config/sections.ts'
import type { BackupKind, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'

/** One policy applied to one source, as far as the calendar and the rules of keeping go. */
export interface CalendarPlan {
  policyId: PolicyId
  sourceId: SourceId
  kind: BackupKind
  cron: string
  zone: string
  targets: readonly TargetId[]
  /** Backups in a row that build on the one before; 0 where each stands alone. */
  maxChain: number
}

/** @param wanted a policy or a source; undefined: all */
export function calendarPlans({ policies }: Pick<ConfigOf<'policies'>, 'policies'>, wanted?: string): CalendarPlan[] {
  return Object.entries(policies).flatMap(([policyId, policy]) =>
    policy.sources
      .filter((sourceId) => wanted === undefined || wanted === policyId || wanted === sourceId)
      .map((sourceId) => ({
        ...{ policyId: policyId as PolicyId, sourceId, kind: policy.kind, targets: policy.targets },
        ...{ cron: policy.schedule.cron, zone: policy.schedule.zone },
        maxChain: { incremental: policy.base.maxChain, files: policy.files.maxChain }[policy.kind as string] ?? 0,
      })),
  )
}
