import type { DeadLetter } from '@lifeboat/shared/bus/bus.ts'
import { busSubject, type MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { ErrorReportSchema } from '@lifeboat/shared/errors/error-report.ts'
import type { SchedulerDeps } from '../deps.ts'
import { noteVerdict } from './note-drill.ts'

type LetterDeps = Pick<SchedulerDeps, 'ledger' | 'drillNotes' | 'clock'>

/**
 * A wish nobody will ever fulfil. The run of a backup failed with it; a drill counts as inconclusive, so that it is asked for
 * again after a pause. The alerter tells of the letter itself.
 */
export function noteDeadLetter(deps: LetterDeps): (letter: DeadLetter) => Promise<void> {
  return async (letter) => {
    const backup = wishIn(BackupRequested, letter)
    if (backup) await failRun(deps, backup, letter)
    const drill = wishIn(DrillRequested, letter)
    if (drill) await giveUpDrill(deps, drill)
  }
}

async function failRun({ ledger, clock }: LetterDeps, wish: BackupRequested, letter: DeadLetter): Promise<void> {
  const error = ErrorReportSchema.parse(letter.error)
  const details = { endedAt: moment(clock.now()), error, reason: letter.error.title }
  // An attempt that runs is settled by its agent or by its deadline.
  await ledger.apply(wish.runId, 'fail', details, { when: (entry) => entry.state === 'wished' })
}

async function giveUpDrill(deps: LetterDeps, wish: DrillRequested): Promise<void> {
  const finishedAt = moment(deps.clock.now())
  const { runId, backupId, sourceId, policyId, targetId } = wish
  await noteVerdict(deps, { runId, backupId, sourceId, policyId, targetId, finishedAt, verdict: 'inconclusive' })
}

/** The wish, if the letter is one of this type and readable. */
function wishIn<T>(type: MessageType<T>, { subject, excerpt }: DeadLetter): T | undefined {
  if (!subject.startsWith(busSubject(type, ''))) return undefined
  try {
    return type.schema.safeParse(JSON.parse(excerpt)).data
  } catch {
    return undefined
  }
}
