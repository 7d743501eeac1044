import { DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import {
  type BackupId,
  type BackupKind,
  drillRunId,
  isPhysicalKind,
  moment,
  type PolicyId,
  type SourceId,
  type TargetId,
} from '@lifeboat/shared/domain/ids.ts'
import type { SchedulerDeps } from './deps.ts'
import { chooseDrills } from './drill-choice.ts'
import { drillGoal } from './drill-goal.ts'
import { type DrillNote, drillNoteKey } from './drill-notes.ts'
import { type Plan, planKey } from './plans.ts'

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

type DrillDeps = Pick<
  SchedulerDeps,
  'bus' | 'catalog' | 'drillNotes' | 'wal' | 'walRecords' | 'plans' | 'clock' | 'log'
>

/**
 * Asks for the drills this backup is owed now. Publishes first and notes after: of a crash between comes a second wish with the
 * same run id, never a drill that is noted and not asked for.
 *
 * @param known the notes of the backup's plan, if the caller has them; what is asked for is added
 */
export async function askForDrills(deps: DrillDeps, backup: Drillable, known?: DrillNote[]): Promise<void> {
  const plan = deps.plans.find((candidate) => planKey(candidate) === planKey(backup))
  // A policy that is gone wants nothing any more; its backups can be drilled by hand.
  if (plan === undefined) return
  const notes = known ?? (await drillNotesOf(deps, backup))
  const nowMs = deps.clock.now()
  const { backupId, sourceId, policyId, kind, stored, sealedMs } = backup
  const question = { mode: plan.drillTargets, targets: plan.targets, backupId, stored, sealedMs, notes, nowMs }
  for (const { targetId, occasion, reason, runId: again } of chooseDrills(question)) {
    const runId = again ?? drillRunId(backupId, targetId, occasion)
    const wish = { runId, backupId, sourceId, policyId, kind, targetId, requestedBy: 'schedule' as const }
    const goal = await goalOf(deps, plan, wish)
    const requestedAt = moment(nowMs)
    await deps.bus.publish(DrillRequested, { ...wish, ...goal, requestedAt })
    const note: DrillNote = { runId, backupId, sourceId, policyId, targetId, askedAt: requestedAt, reason }
    await keepNote(deps, note)
    notes.push(note)
    deps.log.info({ event: 'drill.requested', backupId, targetId, reason }, 'asked for a drill')
  }
}

export async function goalOf(
  { catalog, wal, walRecords }: DrillDeps,
  { recoverTo: mode }: Plan,
  { backupId, sourceId, targetId, runId, kind }: Omit<DrillRequested, 'requestedAt'>,
): Promise<Pick<DrillRequested, 'recoverTo' | 'held'>> {
  if (mode === 'end' || !isPhysicalKind(kind)) return {}
  const backup = await catalog.get(backupId, sourceId)
  if (backup === undefined) return {}
  const [state, record] = [(await wal.get(sourceId))?.value, (await walRecords.get(sourceId))?.value]
  return drillGoal({ mode, runId, targetId, backup, state, record })
}

/** Of a drill asked for again only the moment changes; a verdict that came meanwhile stays. */
export async function keepNote({ drillNotes }: DrillDeps, note: DrillNote): Promise<void> {
  const key = drillNoteKey(note)
  if ((await drillNotes.create(key, note)) !== undefined) return
  const there = await drillNotes.get(key)
  if (there && there.value.verdict === undefined)
    await drillNotes.update(key, { ...there.value, askedAt: note.askedAt }, there.revision)
}

export async function drillNotesOf(
  deps: Pick<SchedulerDeps, 'drillNotes'>,
  of: { policyId: string; sourceId: string },
): Promise<DrillNote[]> {
  const notes: DrillNote[] = []
  for await (const { value } of deps.drillNotes.entries(`${planKey(of)}.>`)) notes.push(value)
  return notes
}
