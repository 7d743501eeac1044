import type { ObservedMessage } from '@lifeboat/shared/bus/bus.ts'
import type { DataOf, MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { BackupFailed, BackupSealed, BackupStarted, BackupUnchanged } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyRefused, CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import type { BackupId, RunId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry, RunState } from '@lifeboat/shared/domain/ledger.ts'
import type { ErrorReport } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Goal } from './goals.ts'

/** What facts and ledger have told about one run so far. */
export interface BackupStory {
  readonly runId: RunId
  readonly goal: Goal
  readonly runState?: RunState
  readonly reason?: string
  readonly backupId?: BackupId
  readonly targets: readonly TargetId[]
  readonly requiredCopies: number
  readonly sealedBytes?: number
  /** Bytes of parts at each target. */
  readonly bytesAt: Readonly<Record<string, number>>
  readonly stored: readonly TargetId[]
  readonly refused: readonly TargetId[]
  readonly proven: readonly TargetId[]
  readonly disproven: readonly TargetId[]
  /** The run found nothing changed: `backupId` is the earlier backup that holds everything. */
  readonly unchanged?: true
  readonly error?: ErrorReport
  /** How it ended; absent while it goes on. */
  readonly end?: 'reached' | 'failed'
}

export function beginStory(runId: RunId, goal: Goal): BackupStory {
  const none: readonly TargetId[] = []
  return {
    runId,
    goal,
    targets: none,
    requiredCopies: 1,
    bytesAt: {},
    stored: none,
    refused: none,
    proven: none,
    disproven: none,
  }
}

/** The run itself, or a drill of the backup it took: hours may pass between stored and proven. */
export function isPartOf({ runId: own, backupId }: BackupStory, runId: string): boolean {
  return runId === own || (backupId !== undefined && runId.startsWith(`drill.${backupId}.`))
}

const LOST: readonly RunState[] = ['failed', 'cancelled', 'overdue', 'skipped', 'missed']

export function tellLedger(story: BackupStory, entry: LedgerEntry): BackupStory {
  if (entry.runId !== story.runId || story.end) return story
  const error = entry.error as ErrorReport | undefined
  const told = {
    ...story,
    runState: entry.state,
    ...(entry.reason ? { reason: entry.reason } : {}),
    ...(error ? { error } : {}),
  }
  return LOST.includes(entry.state) ? { ...told, end: 'failed' } : told
}

export function tellFact(story: BackupStory, message: ObservedMessage): BackupStory {
  if (story.end) return story
  return conclude(applied(story, message))
}

function applied(story: BackupStory, message: ObservedMessage): BackupStory {
  const started = read(BackupStarted, message)
  if (started?.runId === story.runId) {
    // Another attempt is another backup; what the one before had reached does not count.
    const { backupId, targets, requiredCopies } = started
    return { ...beginStory(story.runId, story.goal), runState: 'running', backupId, targets, requiredCopies }
  }
  const failed = read(BackupFailed, message)
  if (failed?.runId === story.runId && failed.backupId === story.backupId)
    return { ...story, error: failed.error as ErrorReport, ...(failed.willRetry ? {} : { end: 'failed' as const }) }
  const unchanged = read(BackupUnchanged, message)
  if (unchanged?.runId === story.runId)
    return { ...story, backupId: unchanged.backupId, unchanged: true, end: 'reached' }
  const sealed = read(BackupSealed, message)
  if (sealed?.runId === story.runId) {
    const { backupId, targets, requiredCopies, bytes } = sealed
    return { ...story, backupId, targets, requiredCopies, sealedBytes: bytes }
  }
  return atTargets(story, message)
}

function atTargets(story: BackupStory, message: ObservedMessage): BackupStory {
  const part = read(PartStored, message)
  if (part?.backupId === story.backupId) {
    const before = story.bytesAt[part?.targetId ?? ''] ?? 0
    return part ? { ...story, bytesAt: { ...story.bytesAt, [part.targetId]: before + part.bytes } } : story
  }
  const stored = read(CopyStored, message)
  if (stored && stored.backupId === story.backupId) return { ...story, stored: adding(story.stored, stored.targetId) }
  const refused = read(CopyRefused, message)
  if (refused && refused.backupId === story.backupId)
    return { ...story, refused: adding(story.refused, refused.targetId), error: refused.error as ErrorReport }
  const drill = read(DrillFinished, message)
  if (!drill || drill.backupId !== story.backupId) return story
  if (drill.verdict === 'proven') return { ...story, proven: adding(story.proven, drill.targetId) }
  const reason = drill.reasons.join(' ')
  return drill.verdict === 'failed' ? { ...story, disproven: adding(story.disproven, drill.targetId), reason } : story
}

function conclude(story: BackupStory): BackupStory {
  if (story.end) return story
  const reached = {
    sealed: story.sealedBytes !== undefined,
    stored: story.stored.length >= story.requiredCopies,
    proven: story.proven.length > 0,
  }[story.goal]
  if (reached) return { ...story, end: 'reached' }
  const hopeless = story.targets.length > 0 && story.targets.length - story.refused.length < story.requiredCopies
  const disproved = story.goal === 'proven' && story.disproven.length > 0
  return (hopeless && story.goal !== 'sealed') || disproved ? { ...story, end: 'failed' } : story
}

/** The fact's data when the message is of this type and well formed. */
function read<T>(type: MessageType<T>, message: ObservedMessage): DataOf<MessageType<T>> | undefined {
  if (!message.subject.startsWith(`lifeboat.${type.class}.${type.subject}.v${type.version}.`)) return undefined
  const parsed = type.schema.safeParse(message.data)
  return parsed.success ? (parsed.data as DataOf<MessageType<T>>) : undefined
}

function adding(list: readonly TargetId[], id: TargetId): readonly TargetId[] {
  return list.includes(id) ? list : [...list, id]
}
