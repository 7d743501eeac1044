import { randomMoment } from '@lifeboat/catalog/objectives-random.ts'
import { type Anchor, windowsOf } from '@lifeboat/catalog/objectives-window.ts'
import type { WalRecord } from '@lifeboat/catalog/wal-record.ts'
import type { DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { heldWalOf } from '@lifeboat/shared/domain/held-wal.ts'
import type { Moment, RunId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { RecoveryWindow } from '@lifeboat/shared/domain/objectives.ts'
import { parseLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'

export interface GoalQuestion {
  mode: 'end' | 'latest' | 'random'
  runId: RunId
  /** The copy that is drilled lies there, and its WAL is taken from there. */
  targetId: TargetId
  backup: BackupRecord
  state: WalState | undefined
  record: WalRecord | undefined
}

/**
 * How far a drill recovers, as its wish says it. A random moment lies between the end of the backup and what its target holds of the WAL behind it; where that
 * leads nowhere yet, the drill ends with the backup rather than wait. One that goes as far as there is WAL has to come to what the target confirmed, unless a hole
 * on the way is known.
 *
 * @returns neither for the end of the backup
 */
export function drillGoal(question: GoalQuestion): Pick<DrillRequested, 'recoverTo' | 'held'> {
  const { mode, runId, targetId, backup, state, record } = question
  if (mode === 'end' || backup.physical === undefined || backup.snapshotAt === undefined) return {}
  const [window] = windowsOf(anchorOf(backup, targetId), { state, record })
  const until = window && behind(window, question)
  if (window === undefined || until === undefined) return {}
  if (mode === 'latest') {
    const held = window.current ? heldWalOf(state, targetId) : undefined
    return { recoverTo: 'latest', ...(held && { held }) }
  }
  const time = randomMoment(runId, backup.snapshotAt, until)
  return time === undefined ? {} : { recoverTo: { time } }
}

/** The newest moment this target can bring back from this backup on. */
function behind(window: RecoveryWindow, { state, targetId }: GoalQuestion): Moment | undefined {
  if (state === undefined) return undefined
  if (!window.current) return window.to
  // Recovery stops at a commit; the heartbeat is the newest one known to be off-site.
  const [first] = [state.targets[targetId]?.at, state.heartbeatAt].filter((one) => one !== undefined).sort()
  return state.targets[targetId] === undefined ? undefined : first
}

function anchorOf({ backupId, kind, startedAt, snapshotAt, physical }: BackupRecord, targetId: TargetId): Anchor[] {
  if (physical === undefined || snapshotAt === undefined) return []
  const { timeline, endLsn } = physical
  const times = { startMs: Date.parse(startedAt), endMs: Date.parse(snapshotAt) }
  return [{ backupId, kind, ...times, endLsn: parseLsn(endLsn), timeline, targets: [targetId], isProven: false }]
}
