import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { BackupFailed, BackupSealed, BackupUnchanged } from '@lifeboat/shared/bus/messages/backup.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { SchedulerDeps } from '../deps.ts'

/**
 * A backup is sealed: its run succeeded. The agent writes that itself; this makes up for one that died between telling the bus
 * and writing the ledger.
 */
export function noteSealed({ ledger }: Pick<SchedulerDeps, 'ledger'>): Handler<BackupSealed> {
  return async ({ runId, backupId, sealedAt }) => {
    await ledger.apply(runId, 'succeed', { endedAt: sealedAt }, { when: isAttempt(backupId) })
  }
}

/** Nothing had changed: its run succeeded without a backup of its own. The agent may have died between telling and writing. */
export function noteUnchanged({ ledger }: Pick<SchedulerDeps, 'ledger'>): Handler<BackupUnchanged> {
  return async ({ runId, backupId, unchangedAt }) => {
    const details = {
      backupId,
      unchanged: true as const,
      reason: `nothing changed since ${backupId}`,
      endedAt: unchangedAt,
    }
    await ledger.apply(runId, 'succeed', details)
  }
}

/** An attempt failed and no other follows: so did its run. */
export function noteFailed({ ledger }: Pick<SchedulerDeps, 'ledger'>): Handler<BackupFailed> {
  return async ({ runId, backupId, failedAt, error, willRetry }) => {
    if (willRetry) return
    await ledger.apply(runId, 'fail', { endedAt: failedAt, error, reason: error.title }, { when: isAttempt(backupId) })
  }
}

/** Only the newest attempt speaks for its run. */
function isAttempt(backupId: string): (entry: LedgerEntry) => boolean {
  return (entry) => entry.state === 'running' && entry.backupId === backupId
}
