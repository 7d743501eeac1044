import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import type { AgentId, BackupKind, PolicyId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** One policy applied to one source. */
export interface Plan {
  policyId: PolicyId
  sourceId: SourceId
  agentId: AgentId
  kind: BackupKind
  graceMs: number
  maxDurationMs: number
  /** Of a member of a set. */
  setId?: PolicyId
}

type Config = Pick<ConfigOf<'sources' | 'policies'>, 'sources' | 'policies'>

/**
 * What an operator means by a name: a set means all its members; a policy means all its sources; a source means the one policy it is under, those of sets
 * left aside.
 *
 * @param policy narrows a source that is under several
 * @throws LifeboatError SOURCE_UNKNOWN – neither; CLI_USAGE – it could mean several things
 */
export function choosePlans(config: Config, name: string, policy?: string): Plan[] {
  const asSource = plansFor(
    config,
    ({ sourceId, policyId, setId }) =>
      sourceId === name && (policy === undefined ? setId === undefined : policyId === policy),
  )
  const asPolicy =
    policy === undefined ? plansFor(config, ({ policyId, setId }) => policyId === name || setId === name) : []
  if (asSource.length > 0 && asPolicy.length > 0)
    throw ambiguous(
      name,
      'a source and a policy have this name; say which policy of the source with --policy',
      asSource,
    )
  if (asSource.length > 1)
    throw ambiguous(name, 'the source is under several policies; choose one with --policy', asSource)
  const plans = asSource.length > 0 ? asSource : asPolicy
  if (plans.length > 0) return plans
  const known = [...Object.keys(config.sources), ...Object.keys(config.policies)]
  throw new LifeboatError('SOURCE_UNKNOWN', { name, policy, suggestion: suggestName(name, known) })
}

function plansFor(
  config: Config,
  wanted: (plan: { policyId: string; sourceId: string; setId?: string | undefined }) => boolean,
): Plan[] {
  return Object.entries(config.policies).flatMap(([policyId, policy]) =>
    policy.sources
      .filter((sourceId) => wanted({ policyId, sourceId, setId: policy.set?.setId }))
      .map((sourceId) => ({
        policyId: policyId as PolicyId,
        sourceId,
        agentId: config.sources[sourceId]?.agent as AgentId,
        kind: policy.kind,
        graceMs: policy.grace,
        maxDurationMs: policy.maxDuration,
        ...(policy.set && { setId: policy.set.setId }),
      })),
  )
}

function ambiguous(name: string, problem: string, plans: readonly Plan[]): LifeboatError {
  return new LifeboatError('CLI_USAGE', { name, problem, policies: plans.map(({ policyId }) => policyId) })
}
