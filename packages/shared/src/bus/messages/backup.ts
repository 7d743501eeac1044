import { z } from 'zod'
import { AgentId, BackupId, BackupKind, Moment, PolicyId, RunId, Sha256, SourceId, TargetId } from '../../domain/ids.ts'
import { BackupSummary, FilesFacts, PhysicalFacts } from '../../domain/manifest.ts'
import { SetPart } from '../../domain/set.ts'
import { ExportFacts } from '../../domain/table-export.ts'
import { ErrorReportSchema } from '../../errors/error-report.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

/** Please take this backup. The agent reads how from its own configuration of source and policy. */
export const BackupRequested = defineMessage({
  subject: 'backup.requested',
  version: 1,
  class: 'wish',
  owner: ['scheduler', 'cli', 'backup-agent'],
  summary: 'Asks the agent of a source to take one backup by a policy.',
  dedupeKey: (data) => data.runId,
  route: (data) => data.agentId,
  data: z.object({
    runId: RunId,
    agentId: AgentId,
    sourceId: SourceId,
    policyId: PolicyId,
    kind: BackupKind,
    requestedBy: z.enum(['schedule', 'operator', 'agent']),
    dueAt: Moment,
    /** The run is given up (RUN_OVERDUE) when it has not ended by then. */
    deadlineAt: Moment,
    /** The run is a member of this set. */
    set: SetPart.optional(),
  }),
})
export type BackupRequested = DataOf<typeof BackupRequested>

const about = {
  backupId: BackupId,
  runId: RunId,
  sourceId: SourceId,
  policyId: PolicyId,
  agentId: AgentId,
  kind: BackupKind,
  /** Of a member of a set. */
  set: SetPart.optional(),
}

/** An attempt began; parts may follow, and nothing of it counts before BackupSealed. */
export const BackupStarted = defineMessage({
  subject: 'backup.started',
  version: 1,
  class: 'fact',
  owner: 'backup-agent',
  summary: 'An agent began an attempt at a backup.',
  dedupeKey: (data) => data.backupId,
  route: (data) => data.sourceId,
  data: z.object({
    ...about,
    attempt: z.int().positive(),
    startedAt: Moment,
    targets: z.array(TargetId).min(1),
    requiredCopies: z.int().positive(),
  }),
})
export type BackupStarted = DataOf<typeof BackupStarted>

/** Every artifact is complete and the manifest is signed and in the spool. */
export const BackupSealed = defineMessage({
  subject: 'backup.sealed',
  version: 1,
  class: 'fact',
  owner: 'backup-agent',
  summary: 'A backup is complete in the spool; its signed manifest can be fetched.',
  dedupeKey: (data) => data.backupId,
  route: (data) => data.sourceId,
  data: z.object({
    ...about,
    startedAt: Moment,
    snapshotAt: Moment,
    sealedAt: Moment,
    /** Sum of all artifacts. */
    bytes: z.int().positive(),
    summary: BackupSummary,
    physical: PhysicalFacts.optional(),
    files: FilesFacts.optional(),
    exports: ExportFacts.optional(),
    manifest: z.object({ bytes: z.int().positive(), sha256: Sha256, md5: z.string() }),
    /** Public age keys it is encrypted to. */
    recipients: z.array(z.string()).optional(),
    targets: z.array(TargetId).min(1),
    requiredCopies: z.int().positive(),
    /** Base URL of the agent's spool, e.g. http://db1:7461; documents lie at /backups/<backupId>/<name>. */
    spoolUrl: z.url(),
  }),
})
export type BackupSealed = DataOf<typeof BackupSealed>

/** The run looked and found what an earlier backup holds already: nothing was written, and that backup is good for this moment as well. */
export const BackupUnchanged = defineMessage({
  subject: 'backup.unchanged',
  version: 1,
  class: 'fact',
  owner: 'backup-agent',
  summary: 'A run found nothing changed since an earlier backup, which counts for this moment as well.',
  dedupeKey: (data) => data.runId,
  route: (data) => data.sourceId,
  data: z.object({
    ...about,
    /** When the snapshot was taken in which everything was still the same. */
    unchangedAt: Moment,
  }),
})
export type BackupUnchanged = DataOf<typeof BackupUnchanged>

/** The attempt ended without a backup. What it left at targets has no manifest and does not count. */
export const BackupFailed = defineMessage({
  subject: 'backup.failed',
  version: 1,
  class: 'fact',
  owner: 'backup-agent',
  summary: 'An attempt at a backup ended without one.',
  dedupeKey: (data) => data.backupId,
  route: (data) => data.sourceId,
  data: z.object({
    ...about,
    attempt: z.int().positive(),
    failedAt: Moment,
    error: ErrorReportSchema,
    willRetry: z.boolean(),
  }),
})
export type BackupFailed = DataOf<typeof BackupFailed>
