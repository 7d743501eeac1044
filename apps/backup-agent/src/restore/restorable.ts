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

/** @throws LifeboatError RESTORE_NOT_SET_UP | RESTORE_WRONG_HOST */
export function restorableSource(
  { restore, sources, agentId }: AgentConfig,
  sourceId: SourceId,
): Restorable | RestorableTree {
  const source = sources.get(sourceId)
  if (!restore) throw new LifeboatError('RESTORE_NOT_SET_UP', { agentId })
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

/** What a command is about, for the audit. */
export function subjectOf(of: Pick<Restorable, 'database'> | Pick<RestorableTree, 'files'>): Subject {
  return 'files' in of ? { root: of.files.root } : { database: of.database }
}

export interface Subject {
  database?: string
  root?: string
}
