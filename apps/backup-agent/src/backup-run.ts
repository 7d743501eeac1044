import type { Sink } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { Search } from '@lifeboat/postgres/tools/find-tools.ts'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { AgentSource, DatabaseSource } from './config.ts'
import type { Written } from './spool/part-writer.ts'

/** What every phase of one attempt is handed. */
export interface BackupRun<S extends AgentSource = DatabaseSource> extends Run {
  readonly source: S
  readonly search: Search
  /** Public age keys. */
  readonly recipients: readonly string[]
  /** Shown in pg_stat_activity: `lifeboat <agent>`. */
  readonly applicationName: string
  /** A sink that writes the parts of one artifact and announces each. */
  writer(artifact: ArtifactName, onBytes?: (total: number) => void): Sink<Written>
  /** From now on each part that is announced names the cluster it is of. */
  isOf(systemIdentifier: string): void
  /** Says once, in the log, that a phase begins. */
  enter(phase: string): void
}
