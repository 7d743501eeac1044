import { setsOf } from '@lifeboat/config/expand-sets.ts'
import type { LifeboatConfig } from '@lifeboat/config/lifeboat-config.ts'
import type { DrillConfig } from '@lifeboat/config/schema/drills.ts'
import type { PolicyConfig } from '@lifeboat/config/schema/policy.ts'
import type { AgentId, BackupKind, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { RunKind } from '@lifeboat/shared/domain/ledger.ts'
import type { SetMember } from '@lifeboat/shared/domain/set.ts'

/** The unit that has a schedule, an overlap rule and a history. */
export interface TimedPlan {
  policyId: PolicyId
  sourceId: SourceId
  kind: RunKind
  cron: string
  /** IANA zone the cron expression is read in. */
  zone: string
  jitterMs: number
  graceMs: number
  maxDurationMs: number
  catchUp: PolicyConfig['catchUp']
  overlap: PolicyConfig['overlap']
  /** Of a member of a set. */
  set?: PlannedSet
}

/** A drill with a date of its own, for one source. */
export interface DrillPlan extends TimedPlan {
  kind: 'drill'
  choose: DrillConfig['choose']
  /** Older backups are not chosen. */
  withinMs: number
  /** Policies and sets; undefined: all. */
  policies: readonly PolicyId[] | undefined
}

/** One policy applied to one source. */
export interface Plan extends TimedPlan {
  agentId: AgentId
  kind: BackupKind
  /** In the order the policy lists them; drills go round in this order. */
  targets: readonly TargetId[]
  drillTargets: PolicyConfig['drill']['targets']
  /** How far drills of physical backups recover. */
  recoverTo: NonNullable<PolicyConfig['drill']['recoverTo']>
}

/** The set a plan is a member of: its runs of one moment share one recovery point. */
interface PlannedSet {
  setId: PolicyId
  members: readonly SetMember[]
  /** Why its backups are held as soon as they are sealed. */
  hold?: string
}

/** Groups runs with their plan; an operator's run belongs to it like a scheduled one. */
export function planKey(of: { policyId: string; sourceId: string }): string {
  return `${of.policyId}.${of.sourceId}`
}

/** @returns one plan per (policy, source); a source whose agent is unknown has none, `lifeboat config check` tells */
export function plansOf(config: Pick<LifeboatConfig, 'policies' | 'sources' | 'wal'>): Plan[] {
  const sets = setsOf(config.policies)
  return Object.entries(config.policies).flatMap(([policyId, policy]) =>
    policy.sources.flatMap((sourceId) => {
      const agentId = config.sources[sourceId]?.agent
      const recoverTo = policy.drill.recoverTo ?? (config.wal[sourceId] === undefined ? 'end' : 'random')
      const set = policy.set && { set: { ...policy.set, members: sets.get(policy.set.setId) ?? [] } }
      return agentId === undefined
        ? []
        : [{ ...planOf(policyId as PolicyId, sourceId, agentId, policy), recoverTo, ...set }]
    }),
  )
}

function planOf(
  policyId: PolicyId,
  sourceId: SourceId,
  agentId: AgentId,
  policy: PolicyConfig,
): Omit<Plan, 'recoverTo'> {
  return {
    policyId,
    sourceId,
    agentId,
    kind: policy.kind,
    cron: policy.schedule.cron,
    zone: policy.schedule.zone,
    jitterMs: policy.schedule.jitter,
    graceMs: policy.grace,
    maxDurationMs: policy.maxDuration,
    catchUp: policy.catchUp,
    overlap: policy.overlap,
    targets: policy.targets,
    drillTargets: policy.drill.targets,
  }
}

export function drillPlansOf({ drills }: Pick<LifeboatConfig, 'drills'>): DrillPlan[] {
  return (Object.entries(drills) as [PolicyId, DrillConfig][]).flatMap(([policyId, drill]) =>
    drill.sources.map((sourceId) => ({
      ...{ policyId, sourceId, kind: 'drill', choose: drill.choose, withinMs: drill.within, policies: drill.policies },
      ...{ cron: drill.schedule.cron, zone: drill.schedule.zone, jitterMs: 0, overlap: 'skip', catchUp: drill.catchUp },
      ...{ graceMs: drill.grace, maxDurationMs: drill.maxDuration },
    })),
  )
}
