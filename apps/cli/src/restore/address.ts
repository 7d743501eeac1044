import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import { isPostgres } from '@lifeboat/config/source-config.ts'
import type { AgentId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

export type RestoreSettings = ConfigOf<'sources' | 'agents' | 'policies' | 'targets'>

export interface Addressed {
  sourceId: SourceId
  agentId: AgentId
  /** age public key of the agent. */
  recipient: string
  signatures: number
  is: 'database' | 'files'
  /** Where copies of this source go, by its policies. */
  targets: TargetId[]
}

/**
 * Whose business a source is, and where its copies are.
 *
 * @throws LifeboatError SOURCE_UNKNOWN | TARGET_UNKNOWN | RESTORE_NOT_SET_UP
 */
export function addressOf(config: RestoreSettings, name: string, target: string | undefined): Addressed {
  const source = config.sources[name as SourceId]
  if (!source)
    throw new LifeboatError('SOURCE_UNKNOWN', { name, suggestion: suggestName(name, Object.keys(config.sources)) })
  const agentId = source.agent
  const restore = config.agents[agentId]?.restore
  if (!restore || (isPostgres(source) && !source.restore))
    throw new LifeboatError('RESTORE_NOT_SET_UP', { agentId, sourceId: name })
  const own = Object.values(config.policies).filter(({ sources }) => sources.includes(name as SourceId))
  const known = [...new Set(own.flatMap(({ targets }) => targets))]
  if (target !== undefined && !known.includes(target as TargetId))
    throw new LifeboatError('TARGET_UNKNOWN', { name: target, suggestion: suggestName(target, known) })
  const first = target === undefined ? [] : [target as TargetId]
  const targets = [...first, ...known.filter((each) => each !== target)]
  const { recipient, signatures } = restore
  const is = isPostgres(source) ? 'database' : 'files'
  return { sourceId: name as SourceId, agentId, recipient, signatures, is, targets }
}
