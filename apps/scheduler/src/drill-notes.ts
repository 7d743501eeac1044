import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { Verdict } from '@lifeboat/shared/domain/drill.ts'
import { BackupId, Moment, PolicyId, RunId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { z } from 'zod'

/** One drill that was asked for, and how it ended. Key in its bucket: `<policy>.<source>.<run id>`. */
export const DrillNote = z.object({
  runId: RunId,
  backupId: BackupId,
  sourceId: SourceId,
  policyId: PolicyId,
  targetId: TargetId,
  askedAt: Moment,
  reason: z.string(),
  /** The run of a drill with a date of its own that asked for it. */
  rehearsal: RunId.optional(),
  finishedAt: Moment.optional(),
  verdict: Verdict.optional(),
})
export type DrillNote = z.infer<typeof DrillNote>

/** The scheduler's memory of whose turn it was; longer than any rotation takes. */
export const DRILL_NOTES: BucketDefinition<DrillNote> = {
  name: 'lifeboat_drills',
  summary: 'Drills asked for, by policy and source: whose turn it is, and which one must be asked for again.',
  schema: DrillNote,
  maxAgeMs: 120 * 86_400_000,
}

export function drillNoteKey(note: Pick<DrillNote, 'policyId' | 'sourceId' | 'runId'>): string {
  return `${note.policyId}.${note.sourceId}.${note.runId}`
}
