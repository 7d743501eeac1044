import type { PolicyId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { SetMember } from '@lifeboat/shared/domain/set.ts'
import { type PolicyConfig, PolicySection } from './schema/policy.ts'
import type { SetConfig } from './schema/set.ts'

type Written = Readonly<Record<PolicyId, TakingPolicy | SetConfig>>
type TakingPolicy = Omit<PolicyConfig, 'set'>

/**
 * Each member of a set as the policy it runs by: what, how and with which questions is its own, when, where to and how long is the set's. Nobody but the
 * command line's `config check` sees a policy of kind set.
 *
 * A member builds on nothing outside its set and refers to nothing: incrementals become bases, trees of files are taken in full, exports are written
 * whether or not anything changed.
 */
export function expandSets(policies: Written): Record<PolicyId, PolicyConfig> {
  const entries = Object.entries(policies) as [PolicyId, TakingPolicy | SetConfig][]
  return Object.fromEntries(
    entries.flatMap(([id, policy]): [PolicyId, PolicyConfig][] =>
      policy.kind === 'set' ? memberPolicies(id, policy, policies) : [[id, policy]],
    ),
  )
}

function memberPolicies(setId: PolicyId, set: SetConfig, policies: Written): [PolicyId, PolicyConfig][] {
  const { schedule, targets, copies, maxDuration, grace, catchUp, overlap, keep, hold } = set
  return Object.entries(set.members).flatMap(([name, member]) => {
    const own = memberOf(member, set, policies)
    if (own === undefined) return []
    const policy: PolicyConfig = {
      ...own,
      ...{ schedule: { ...schedule, jitter: 0 }, targets, copies, maxDuration, grace, catchUp, overlap, keep },
      kind: own.kind === 'incremental' ? 'base' : own.kind,
      files: { ...own.files, maxChain: 0 },
      tables: own.tables && { ...own.tables, atLeastEvery: 0 },
      set: { setId, ...(hold !== undefined && { hold }) },
    }
    return [[memberPolicyId(setId, name), policy]]
  })
}

/** What `config check` refuses is left out. */
function memberOf(
  { policy: name, sources, kind, tables }: SetConfig['members'][string],
  { schedule, targets }: SetConfig,
  policies: Written,
): TakingPolicy | undefined {
  if (name === undefined) {
    const own = PolicySection.safeParse({ sources, kind, schedule, targets }).data
    // Already read: a length of time is a number by now.
    return own && { ...own, tables }
  }
  const policy = policies[name]
  if (policy === undefined || policy.kind === 'set') return undefined
  return { ...policy, sources: sources ?? policy.sources, tables: tables ?? policy.tables }
}

export function memberPolicyId(setId: string, member: string): PolicyId {
  return `${setId}-${member}` as PolicyId
}

/** The sets of a configuration, each with all that must be there for it to be complete. */
export function setsOf(policies: Readonly<Record<PolicyId, PolicyConfig>>): Map<PolicyId, SetMember[]> {
  const sets = new Map<PolicyId, SetMember[]>()
  for (const [policyId, { set, sources }] of Object.entries(policies) as [PolicyId, PolicyConfig][]) {
    if (set === undefined) continue
    const members = sources.map((sourceId: SourceId) => ({ policyId, sourceId }))
    sets.set(set.setId, [...(sets.get(set.setId) ?? []), ...members])
  }
  return sets
}
