import type { SourceSummary } from '@lifeboat/catalog/catalog.ts'
import { randomMoment } from '@lifeboat/catalog/objectives-random.ts'
import { reachOf } from '@lifeboat/catalog/objectives-reach.ts'
import { type Anchor, anchorsOf, type KnownWal, leadsToTheEnd, windowsOf } from '@lifeboat/catalog/objectives-window.ts'
import { recordWal, type WalRecord } from '@lifeboat/catalog/wal-record.ts'
import { parseGoalTime } from '@lifeboat/recovery/goal.ts'
import type { RecoverTo } from '@lifeboat/shared/domain/drill.ts'
import { type BackupId, type Moment, moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { RecoveryWindow } from '@lifeboat/shared/domain/objectives.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** What an operator wants rehearsed: a moment, any moment, or as far as it goes. */
export type WantedTime = 'random' | 'latest' | { time: Moment }

/** @throws LifeboatError RECOVERY_TIME_UNZONED | RECOVERY_GOAL_UNREADABLE */
export function parseWantedTime(text: string): WantedTime {
  return text === 'random' || text === 'latest' ? text : { time: parseGoalTime(text) }
}

export interface GoalQuestion extends KnownWal {
  wanted: WantedTime
  summary: SourceSummary | undefined
  /** Begin with this backup and no other. */
  from?: BackupId | undefined
  /** Only what this target holds counts. */
  targetId?: TargetId | undefined
  /** Makes `random` repeatable. */
  seed: string
  nowMs: number
}

export interface DrillGoal {
  from: Anchor
  recoverTo: RecoverTo
}

/**
 * Which backup a drill begins with and how far it goes, or why it cannot: said before anything is fetched.
 *
 * @throws LifeboatError RECOVERY_NO_BASE | RECOVERY_IN_FUTURE | RECOVERY_BEFORE_WINDOW | RECOVERY_INSIDE_BASE | RECOVERY_IN_GAP |
 *         RECOVERY_BEYOND_ARCHIVE
 */
export function drillGoal(question: GoalQuestion): DrillGoal {
  const { wanted, from, nowMs } = question
  const [anchors, known] = [anchorsFor(question), { record: recordOf(question), state: seenFrom(question) }]
  const windows = windowsOf(anchors, known)
  const newest = leadsToTheEnd(anchors, known)
  const latest = windows.at(-1)?.to ?? (newest && moment(newest.endMs))
  if (wanted === 'latest') {
    if (newest) return { from: newest, recoverTo: 'latest' }
    throw latest ? new LifeboatError('RECOVERY_IN_GAP', { latestBefore: latest }) : noBase(from)
  }
  const time = wanted === 'random' ? randomIn(windows.at(-1), question) : wanted.time
  if (time === undefined) throw latest ? new LifeboatError('RECOVERY_BEYOND_ARCHIVE', { latest }) : noBase(from)
  const reach = reachOf(Date.parse(time), windows, nowMs, newest)
  if (!reach.reachable) throw new LifeboatError(reach.code, reach.facts)
  return { from: reach.from, recoverTo: { time } }
}

function noBase(backupId: BackupId | undefined): LifeboatError {
  return new LifeboatError('RECOVERY_NO_BASE', { backupId })
}

function anchorsFor({ summary, from, targetId }: GoalQuestion): Anchor[] {
  return anchorsOf(summary).filter(
    (anchor) =>
      (from === undefined || anchor.backupId === from) && (targetId === undefined || anchor.targets.includes(targetId)),
  )
}

/** What a scheduler will write down at its next look, which may not have come yet. */
function recordOf({ record, state }: GoalQuestion): WalRecord | undefined {
  return state ? recordWal(record, state) : record
}

/** WAL that one target holds may end earlier than what enough of them do. */
function seenFrom({ state, targetId }: GoalQuestion): GoalQuestion['state'] {
  const there = targetId && state?.targets[targetId]
  return state && there ? { ...state, safe: there } : state
}

/** Recovery stops at a commit; the heartbeat is the newest one known to be off-site. */
function randomIn(window: RecoveryWindow | undefined, { seed, state }: GoalQuestion): Moment | undefined {
  if (window === undefined) return undefined
  const [until = window.to] = [window.to, ...(window.current && state?.heartbeatAt ? [state.heartbeatAt] : [])].sort()
  return randomMoment(seed, window.from, until)
}
