import type { PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { removalConfig } from '@lifeboat/storage/target-config.ts'
import type { LifeboatConfig } from './lifeboat-config.ts'
import type { PolicyConfig } from './schema/policy.ts'

/** What the configuration says about keeping, resolved for one policy at one target; durations in milliseconds. */
export type KeepRulesHere = Omit<NonNullable<PolicyConfig['keep']>, 'targets'> & { zone: string }

/** A policy that is not in the configuration any more has no rules: its backups stay. */
export function keepRules(
  policies: LifeboatConfig['policies'],
  policyId: PolicyId,
  targetId: TargetId,
): KeepRulesHere | undefined {
  const policy = policies[policyId]
  if (policy?.keep === undefined) return undefined
  const { targets, ...own } = policy.keep
  return { ...(targets[targetId] ?? own), zone: policy.schedule.zone }
}

export function keepingOf(config: Pick<LifeboatConfig, 'policies' | 'wal' | 'expiry'>) {
  return {
    rulesOf: (policyId: PolicyId, targetId: TargetId) => keepRules(config.policies, policyId, targetId),
    walWindowMs: Object.fromEntries(
      Object.entries(config.wal).map(([sourceId, { keep }]) => [sourceId, keep?.window]),
    ) as Record<SourceId, number | undefined>,
    maxShare: config.expiry.maxShare,
  }
}

/** Where backups and WAL go now; a policy or source that is not in the configuration any more goes nowhere. */
export function spreadOf(config: Pick<LifeboatConfig, 'policies' | 'wal' | 'targets'>) {
  const known = (ids: readonly TargetId[] = []) => ids.filter((id) => id in config.targets)
  return {
    targetsOf: (policyId: PolicyId): TargetId[] => known(config.policies[policyId]?.targets),
    walTargetsOf: (sourceId: SourceId): TargetId[] => known(config.wal[sourceId]?.targets),
  }
}

/** Which targets may be removed from at all. */
export function removersOf(config: Pick<LifeboatConfig, 'targets'>): { targetId: TargetId; mayRemove: boolean }[] {
  return Object.entries(config.targets).map(([id, target]) => ({
    targetId: id as TargetId,
    mayRemove: removalConfig(target) !== undefined,
  }))
}
