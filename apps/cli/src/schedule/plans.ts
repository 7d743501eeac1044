import type { ConfigOf } from '@lifeboat/config/sections.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { RunKind } from '@lifeboat/shared/domain/ledger.ts'

/** Something with a date, as far as the calendar and the rules of keeping go: a policy applied to one source, a drill of one source, or letting go. */
export interface CalendarPlan {
  policyId: string
  /** – of what is about all of them. */
  sourceId: SourceId | '–'
  kind: RunKind | 'expiry'
  cron: string
  zone: string
  /** Where its backups go; none where it takes none. */
  targets: readonly TargetId[]
  /** Backups in a row that build on the one before; 0 where each stands alone. */
  maxChain: number
}

type Dated = Pick<ConfigOf<'policies' | 'drills' | 'expiry'>, 'policies' | 'drills' | 'expiry'>

/** @param wanted a policy, a set, a drill or a source; undefined: all */
export function calendarPlans({ policies, drills, expiry }: Dated, wanted?: string): CalendarPlan[] {
  const taking = Object.entries(policies).flatMap(([policyId, policy]) =>
    policy.sources.map((sourceId) => ({
      ...{ policyId, sourceId, kind: policy.kind, targets: policy.targets, setId: policy.set?.setId },
      ...{ cron: policy.schedule.cron, zone: policy.schedule.zone },
      maxChain: { incremental: policy.base.maxChain, files: policy.files.maxChain }[policy.kind as string] ?? 0,
    })),
  )
  const others = { targets: [], maxChain: 0, setId: undefined }
  const rehearsing = Object.entries(drills).flatMap(([policyId, { sources, schedule }]) =>
    sources.map((sourceId) => ({ ...others, policyId, sourceId, kind: 'drill' as const, ...schedule })),
  )
  const { schedule } = expiry
  const letting = schedule
    ? [{ ...others, policyId: 'expiry', sourceId: '–' as const, kind: 'expiry' as const, ...schedule }]
    : []
  return [...taking, ...rehearsing, ...letting]
    .filter(({ policyId, sourceId, setId }) => wanted === undefined || [policyId, sourceId, setId].includes(wanted))
    .map(({ setId: _set, ...plan }) => plan)
}
