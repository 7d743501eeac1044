import { BackupUnchanged } from '@lifeboat/shared/bus/messages/backup.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { aboutOf } from '../attempt.ts'
import type { Unchanged } from '../attempt-backup.ts'
import type { AgentDeps } from '../deps.ts'
import type { Spooled } from '../spool/spool.ts'

/**
 * Ends a run that found nothing changed. The fact goes first: it is true whatever became of the run meanwhile, and whoever hears it completes the ledger
 * if this agent dies in between.
 */
export async function settleUnchanged(
  { bus, ledger, spool, clock, events, log }: Pick<AgentDeps, 'bus' | 'ledger' | 'spool' | 'clock' | 'events' | 'log'>,
  spooled: Spooled,
  { unchanged: backupId, unchangedAt }: Unchanged,
): Promise<void> {
  const { attempt } = spooled
  const { runId, sourceId } = attempt
  await bus.publish(BackupUnchanged, { ...aboutOf(attempt), backupId, unchangedAt })
  const reason = `nothing changed since ${backupId}`
  const ended = { backupId, unchanged: true as const, reason, endedAt: moment(clock.now()) }
  await ledger.apply(runId, 'succeed', ended, { attempt: attempt.attempt })
  await spool.drop(spooled)
  events.backupUnchanged(log, { sourceId, backupId, runId })
}
