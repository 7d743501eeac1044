import { DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import {
  type BackupId,
  type BackupKind,
  drillRunId,
  moment,
  type PolicyId,
  type SourceId,
  type TargetId,
} from '@lifeboat/shared/domain/ids.ts'
import type { SchedulerDeps } from './deps.ts'
import { chooseDrills } from './drill-choice.ts'
import { type DrillNote, drillNoteKey } from './drill-notes.ts'
import { planKey } from './plans.ts'

/** A backup as far as drills care. */
export interface Drillable {
  backupId: BackupId
  sourceId: SourceId
  policyId: PolicyId
  kind: BackupKind
  /** Targets with a complete copy. */
  stored: readonly TargetId[]
  sealedMs: number
}

type DrillDeps = Pick<SchedulerDeps, 'bus' | 'drillNotes' | 'plans' | 'clock' | 'log'>

/**
 * Asks for the drills this backup is owed now. Publishes first and notes after: of a crash between comes a second wish with the
 * same run id, never a drill that is noted and not asked for.
 */
export async function askForDrills(deps: DrillDeps, backup: Drillable): Promise<void> {
  const plan = deps.plans.find((candidate) => planKey(candidate) === planKey(backup))
  // A policy that is gone wants nothing any more; its backups can be drilled by hand.
  if (plan === undefined) return
  const notes = await drillNotesOf(deps, backup)
  const nowMs = deps.clock.now()
  const { backupId, sourceId, policyId, kind, stored, sealedMs } = backup
  const question = { mode: plan.drillTargets, targets: plan.targets, backupId, stored, sealedMs, notes, nowMs }
  for (const { targetId, occasion, reason } of chooseDrills(question)) {
    const runId = drillRunId(backupId, targetId, occasion)
    const wish = { runId, backupId, sourceId, policyId, kind, targetId, requestedBy: 'schedule' as const }
    await deps.bus.publish(DrillRequested, { ...wish, requestedAt: moment(nowMs) })
    const note: DrillNote = { runId, backupId, sourceId, policyId, targetId, askedAt: moment(nowMs), reason }
    await deps.drillNotes.create(drillNoteKey(note), note)
    deps.log.info({ event: 'drill.requested', backupId, targetId, reason }, 'asked for a drill')
  }
}

async function drillNotesOf(deps: DrillDeps, of: { policyId: string; sourceId: string }): Promise<DrillNote[]> {
  const notes: DrillNote[] = []
  for await (const { value } of deps.drillNotes.entries(`${planKey(of)}.>`)) notes.push(value)
  return notes
}
