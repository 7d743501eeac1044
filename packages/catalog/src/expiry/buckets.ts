import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { BackupId, Moment, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { ExpiryOutcome, Hold, Mark } from '@lifeboat/shared/domain/retention.ts'
import { z } from 'zod'

/** Key: the hold. Released ones stay, so that everybody sees who held what and why. */
export const HOLDS_BUCKET: BucketDefinition<Hold> = {
  name: 'lifeboat_holds',
  summary: 'Explicit stops on letting go, released ones included; every target has them too.',
  schema: Hold,
  permanent: true,
}

/** Key: `markKey`. */
export const MARKS_BUCKET: BucketDefinition<Mark> = {
  name: 'lifeboat_marks',
  summary: 'How far the letting go of single copies has come; the fence between undoing and removing.',
  schema: Mark,
  permanent: true,
}

export function markKey({ sourceId, backupId, targetId }: Pick<Mark, 'sourceId' | 'backupId' | 'targetId'>): string {
  return `${sourceId}.${backupId}.${targetId}`
}

/** A copy that was let go and that the store did not give up. */
export const LockedCopy = z.object({
  sourceId: SourceId,
  backupId: BackupId,
  targetId: TargetId,
  at: Moment,
  /** Absent: the store names no end, as of a legal hold. */
  until: Moment.optional(),
})
export type LockedCopy = z.infer<typeof LockedCopy>

/** Key: `markKey`. Removing is tried again and again, so what is not renewed is locked no more. */
export const LOCKED_BUCKET: BucketDefinition<LockedCopy> = {
  name: 'lifeboat_locked',
  summary:
    'Copies that were let go and that the store still holds, with the date if it names one; gone a day after the last try.',
  schema: LockedCopy,
  maxAgeMs: 86_400_000,
}

export const EXPIRY_OUTCOME_KEY = 'last'
/** Key: `last`. */
export const EXPIRY_BUCKET: BucketDefinition<ExpiryOutcome> = {
  name: 'lifeboat_expiry',
  summary:
    'What became of the last expiry that was due by its schedule: how much it let go, or why nothing, and why it was refused if it was.',
  schema: ExpiryOutcome,
  permanent: true,
}

/** From when on the times of the schedule count, and the expiry that is under way. */
export const ExpiryWatch = z.object({
  /** Cron expression and zone; a schedule that was changed begins anew. */
  schedule: z.string(),
  since: Moment,
  begun: z.object({ dueAt: Moment, firstAt: Moment, lastAt: Moment }).optional(),
})
export type ExpiryWatch = z.infer<typeof ExpiryWatch>

export const EXPIRY_WATCH_KEY = 'schedule'
/** Key: `schedule`. */
export const EXPIRY_WATCH_BUCKET: BucketDefinition<ExpiryWatch> = {
  name: 'lifeboat_expiry_watch',
  summary: 'From when on the times of the expiry schedule count, so that one that passed unseen is made up, and once.',
  schema: ExpiryWatch,
  permanent: true,
}

/** How many backups stayed, by policy and target. */
export const StayedCounts = z.record(PolicyId, z.record(TargetId, z.int().nonnegative()))
export type StayedCounts = z.infer<typeof StayedCounts>

/** What was left of a source when its last expiry was let go. */
export const Stayed = z.object({ at: Moment, stayed: StayedCounts })
export type Stayed = z.infer<typeof Stayed>

/** Key: the source. */
export const STAYED_BUCKET: BucketDefinition<Stayed> = {
  name: 'lifeboat_stayed',
  summary:
    'How many backups of each policy stayed at each target when a source was last let go from: much fewer need a person.',
  schema: Stayed,
  permanent: true,
}
