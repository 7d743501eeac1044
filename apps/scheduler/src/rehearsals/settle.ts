import type { Moment, RunId } from '@lifeboat/shared/domain/ids.ts'
import type { SchedulerDeps } from '../deps.ts'
import { type DrillNote, drillNoteKey } from '../drill-notes.ts'

/** A rehearsal ends with the last verdict of its drills: it succeeded when every one is proven; inconclusive is no proof. */
export async function settleRehearsal(
  { ledger, drillNotes }: Pick<SchedulerDeps, 'ledger' | 'drillNotes'>,
  runId: RunId,
  endedAt: Moment,
): Promise<void> {
  const entry = await ledger.get(runId)
  if (entry?.state !== 'running') return
  const notes: DrillNote[] = []
  for (const drill of entry.drills ?? []) {
    const note = await drillNotes.get(drillNoteKey({ ...drill, sourceId: entry.sourceId }))
    if (note?.value.verdict === undefined) return
    notes.push(note.value)
  }
  const bad = notes.filter(({ verdict }) => verdict !== 'proven')
  if (bad.length === 0) return void (await ledger.apply(runId, 'succeed', { endedAt }))
  const reason = bad.map(({ backupId, targetId, verdict }) => `${backupId} from ${targetId}: ${verdict}`).join(', ')
  await ledger.apply(runId, 'fail', { endedAt, reason })
}
