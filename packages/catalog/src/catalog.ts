import type { BackupRecord, BackupState, WalDrill } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, Moment, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { FilesFacts, PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import type { SetPart } from '@lifeboat/shared/domain/set.ts'
import type { BackupFact } from './project.ts'

/** One line of `backup list`. */
export interface BackupRow {
  backupId: BackupId
  sourceId: SourceId
  policyId: string
  kind: string
  /** Of a member of a set. */
  set?: SetPart
  state: BackupState
  startedAt: Moment
  /** The moment it brings back. */
  snapshotAt?: Moment
  sealedAt?: Moment
  /** Still what was at the source then. */
  unchangedAt?: Moment
  bytes?: number
  rows?: number | null
  /** Of the database or cluster itself, as it was then. */
  databaseBytes?: number
  physical?: PhysicalRow
  files?: FilesRow
  copies: Record<TargetId, string>
  /** By target: what its last drills found of the WAL behind it, newest first. */
  wal?: Record<TargetId, WalDrill[]>
}

/** Of a base or an incremental: what says from where on WAL leads further, and what a person should know. */
export type PhysicalRow = Pick<
  PhysicalFacts,
  'timeline' | 'startLsn' | 'endLsn' | 'chain' | 'parent' | 'fullBecause'
> & {
  /** Files the server found damaged while it read them. */
  checksumFailures: number
}

/** Of a backup of files: what it builds on, and what a person should know. */
export type FilesRow = Pick<FilesFacts, 'root' | 'chain' | 'parent' | 'fullBecause'> & {
  /** Files that could not be read, and so are not in it. */
  unreadable: number
  /** Secrets that others than their owner may read on the host. */
  exposedSecrets: number
}

/** How long one drill took to bring the data back. */
export interface Rehearsal {
  backupId: BackupId
  kind: string
  targetId: TargetId
  at: Moment
  recoveryMs: number
  databaseBytes?: number
}

/** The newest kept backup of those that are encrypted to the same public keys. */
export interface SealedTo {
  /** Sorted; undefined: nobody wrote them down. */
  recipients?: string[]
  backupId: BackupId
  at: Moment
}

/** The newest rows of one source, newest first, kept as one entry so that status and list never read every backup. */
export interface SourceSummary {
  sourceId: SourceId
  /** At most 64, and 64 table exports, newest first, running and failed ones included. */
  recent: BackupRow[]
  /** Bases and incrementals that are no longer among the recent ones; at most 64, newest first. */
  olderPhysical?: BackupRow[]
  /** Those of which a target lacks the copy, or holds wrong bytes, and that are no longer among the recent ones; at most 64, newest first. */
  olderBad?: BackupRow[]
  /** Members of sets that are in none of these; at most 64, newest first. */
  olderOfSets?: BackupRow[]
  /** Each set of public keys kept backups are encrypted to, with the newest of those; by the first key. */
  sealedTo?: SealedTo[]
  /** The oldest full base that some target holds. */
  firstBase?: BackupRow
  /** The oldest backup that as many targets as required hold; `at` is the moment it brings back. */
  firstStored?: { backupId: BackupId; at: Moment }
  /** The newest five of each kind, newest first. */
  rehearsals?: Rehearsal[]
  /** These are about backups that bring back the whole source: no table export. */
  lastSealed?: { backupId: BackupId; at: Moment; bytes: number }
  lastStored?: { backupId: BackupId; at: Moment }
  lastProven?: { backupId: BackupId; at: Moment; snapshotAt: Moment; targetId: TargetId }
}

/** A projection of facts: deleted, it is rebuilt from any one target. Every write is idempotent and order-independent. */
export interface Catalog {
  /** @param sourceId spares a search where it is known */
  get(backupId: BackupId, sourceId?: SourceId): Promise<BackupRecord | undefined>
  /** Applies one fact (see project.ts); safe under redelivery and between concurrent writers. */
  apply(fact: BackupFact): Promise<void>
  summary(sourceId: SourceId): Promise<SourceSummary | undefined>
  summaries(): Promise<SourceSummary[]>
  /** Newest first. */
  list(opts: { sourceId?: SourceId; limit: number }): Promise<BackupRow[]>
  /** Every record, no order promised, one by one. */
  all(opts?: { sourceId?: SourceId }): AsyncIterable<BackupRecord>
  count(): Promise<number>
}
