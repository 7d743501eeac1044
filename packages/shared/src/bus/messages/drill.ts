import { z } from 'zod'
import { HeldWal, RecoverTo, Verdict, WalFinding } from '../../domain/drill.ts'
import { BackupId, BackupKind, DrillId, Moment, PolicyId, RunId, SourceId, TargetId } from '../../domain/ids.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

/** Please rehearse the recovery of this copy. */
export const DrillRequested = defineMessage({
  subject: 'drill.requested',
  version: 1,
  class: 'wish',
  owner: ['scheduler', 'cli'],
  summary: 'Asks a verifier to restore one copy and judge it.',
  dedupeKey: (data) => data.runId,
  data: z.object({
    runId: RunId,
    backupId: BackupId,
    sourceId: SourceId,
    policyId: PolicyId,
    kind: BackupKind,
    targetId: TargetId,
    /** Of a base or an incremental: recover through the WAL archive to this moment, or as far as it goes; default the end of the backup. */
    recoverTo: RecoverTo.optional(),
    /** Where it is to go as far as there is WAL: how far there must be. */
    held: HeldWal.optional(),
    /** Name under `drills` of the configuration, whose questions are asked besides. */
    rehearsal: PolicyId.optional(),
    requestedBy: z.enum(['schedule', 'operator']),
    requestedAt: Moment,
  }),
})
export type DrillRequested = DataOf<typeof DrillRequested>

/** The evidence is stored beside the backup; this is its conclusion. */
export const DrillFinished = defineMessage({
  subject: 'drill.finished',
  version: 1,
  class: 'fact',
  owner: 'verifier',
  summary: 'A drill ended with a verdict.',
  dedupeKey: (data) => data.drillId,
  route: (data) => data.sourceId,
  data: z.object({
    drillId: DrillId,
    runId: RunId,
    backupId: BackupId,
    sourceId: SourceId,
    policyId: PolicyId,
    kind: BackupKind,
    targetId: TargetId,
    verdict: Verdict,
    /** One sentence each; never empty unless proven. */
    reasons: z.array(z.string()),
    /** What became of the way through the WAL archive, where the drill was to go it; it decides nothing about the copy. */
    wal: WalFinding.optional(),
    finishedAt: Moment,
    durationMs: z.int().nonnegative(),
    recoveryMs: z.int().nonnegative().optional(),
    /** What to do about the reasons, as the errors behind them say: which packages to install, for one. */
    hints: z.array(z.string()).optional(),
    /** Milliseconds per phase, as in the evidence. */
    phases: z.record(z.string(), z.int().nonnegative()).optional(),
  }),
})
export type DrillFinished = DataOf<typeof DrillFinished>
