import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { AgentConfig, DatabaseSource, RestoreConfig } from '../config.ts'

export interface Restorable {
  restore: RestoreConfig
  source: DatabaseSource
  server: SourceConnection
  database: string
}

/** @throws LifeboatError RESTORE_NOT_SET_UP | RESTORE_WRONG_HOST */
export function restorableSource({ restore, sources, agentId }: AgentConfig, sourceId: SourceId): Restorable {
  const source = sources.get(sourceId)
  if (!restore) throw new LifeboatError('RESTORE_NOT_SET_UP', { agentId })
  if (!source) throw new LifeboatError('RESTORE_WRONG_HOST', { sourceId, agentId })
  if (!('connection' in source) || !source.restore) throw new LifeboatError('RESTORE_NOT_SET_UP', { agentId, sourceId })
  return { restore, source, server: source.restore, database: source.connection.database }
}

/** Names of the sources an agent may restore. */
export function restorableNames({ sources }: AgentConfig): Set<SourceId> {
  return new Set([...sources].filter(([, source]) => 'restore' in source && source.restore).map(([id]) => id))
}
