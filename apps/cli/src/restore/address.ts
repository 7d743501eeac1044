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
  /** Where copies go, by the policies of the source they are of. */
  targets: TargetId[]
  /** Of which source, where that is another one: it is restored onto the server of this one. */
  from?: { sourceId: SourceId; database: string }
}

/**
 * Whose business a source is, and where its copies are.
 *
 * @param onto another source, on whose server it is to be restored
 * @throws LifeboatError SOURCE_UNKNOWN | TARGET_UNKNOWN | RESTORE_NOT_SET_UP | CLI_USAGE
 */
export function addressOf(config: RestoreSettings, name: string, target: string | undefined, onto = name): Addressed {
  const [copied, source] = [sourceOf(config, name), sourceOf(config, onto)]
  const agentId = source.agent
  const restore = config.agents[agentId]?.restore
  if (!restore || (isPostgres(source) && !source.restore))
    throw new LifeboatError('RESTORE_NOT_SET_UP', { agentId, sourceId: onto })
  const own = Object.values(config.policies).filter(({ sources }) => sources.includes(name as SourceId))
  const known = [...new Set(own.flatMap(({ targets }) => targets))]
  if (target !== undefined && !known.includes(target as TargetId))
    throw new LifeboatError('TARGET_UNKNOWN', { name: target, suggestion: suggestName(target, known) })
  const first = target === undefined ? [] : [target as TargetId]
  const targets = [...first, ...known.filter((each) => each !== target)]
  const { recipient, signatures } = restore
  const is = isPostgres(source) ? 'database' : 'files'
  const to = { sourceId: onto as SourceId, agentId, recipient, signatures, is, targets } as const
  if (onto === name) return to
  if (!isPostgres(copied) || !isPostgres(source))
    throw new LifeboatError('CLI_USAGE', {
      problem: 'a database goes onto the server of another: --onto is about no files',
    })
  return { ...to, from: { sourceId: name as SourceId, database: copied.database } }
}

function sourceOf({ sources }: Pick<RestoreSettings, 'sources'>, name: string) {
  const source = sources[name as SourceId]
  if (source) return source
  throw new LifeboatError('SOURCE_UNKNOWN', { name, suggestion: suggestName(name, Object.keys(sources)) })
}
