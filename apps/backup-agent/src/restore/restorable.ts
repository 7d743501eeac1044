import type { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
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

/** A tree of files. */
export interface RestorableTree {
  restore: RestoreConfig
  files: FilesSourceConfig
}

/** Whom an agent obeys, and with what. @throws LifeboatError RESTORE_NOT_SET_UP */
export function demandRestore({ restore, agentId }: AgentConfig): RestoreConfig {
  if (!restore) throw new LifeboatError('RESTORE_NOT_SET_UP', { agentId })
  return restore
}

/** @throws LifeboatError RESTORE_NOT_SET_UP | RESTORE_WRONG_HOST */
export function restorableSource(cfg: AgentConfig, sourceId: SourceId): Restorable | RestorableTree {
  const { sources, agentId } = cfg
  const restore = demandRestore(cfg)
  const source = sources.get(sourceId)
  if (!source) throw new LifeboatError('RESTORE_WRONG_HOST', { sourceId, agentId })
  if ('files' in source) return { restore, files: source.files }
  if (!source.restore) throw new LifeboatError('RESTORE_NOT_SET_UP', { agentId, sourceId })
  return { restore, source, server: source.restore, database: source.connection.database }
}

/** Sources an agent may restore: databases for which it has a superuser, and every tree of files. */
export function restorableNames({ sources }: AgentConfig): Map<SourceId, 'database' | 'files'> {
  return new Map(
    [...sources].flatMap(([id, source]): [SourceId, 'database' | 'files'][] =>
      'files' in source ? [[id, 'files']] : source.restore ? [[id, 'database']] : [],
    ),
  )
}

/** What a command is about, for the audit. A source may have left the configuration since its command was accepted. */
export function subjectIn({ sources }: Pick<AgentConfig, 'sources'>, sourceId: SourceId): Subject {
  const source = sources.get(sourceId)
  if (!source) return {}
  return 'files' in source ? { root: source.files.root } : { database: source.connection.database }
}

export interface Subject {
  database?: string
  root?: string
}
