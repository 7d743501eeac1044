import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import type { SchedulerDeps } from '../deps.ts'
import { type DrillNote, drillNoteKey } from '../drill-notes.ts'
import { settleRehearsal } from '../rehearsals/settle.ts'

export type DrillEnd = Omit<DrillNote, 'askedAt' | 'reason'> & Pick<DrillFinished, 'finishedAt' | 'verdict'>

/** A drill ended: its note gets the verdict. */
export function noteDrill(deps: Pick<SchedulerDeps, 'drillNotes' | 'ledger'>): Handler<DrillFinished> {
  return ({ runId, backupId, sourceId, policyId, targetId, finishedAt, verdict }) =>
    noteVerdict(deps, { runId, backupId, sourceId, policyId, targetId, finishedAt, verdict })
}

/** An operator's drill is noted too: it counts as a turn of its target. */
export async function noteVerdict(deps: Pick<SchedulerDeps, 'drillNotes' | 'ledger'>, end: DrillEnd): Promise<void> {
  const { drillNotes } = deps
  const key = drillNoteKey(end)
  const known = (await drillNotes.get(key))?.value ?? { askedAt: end.finishedAt, reason: 'asked for by hand' }
  const note: DrillNote = { ...known, ...end }
  await drillNotes.put(key, note)
  if (note.rehearsal !== undefined) await settleRehearsal(deps, note.rehearsal, end.finishedAt)
}
