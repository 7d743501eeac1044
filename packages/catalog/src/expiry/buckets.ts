import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { BackupId, Moment, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { Hold, Mark } from '@lifeboat/shared/domain/retention.ts'
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

/** What a look at everything a target holds came to. */
export const TargetSurvey = z.object({
  targetId: TargetId,
  at: Moment,
  objects: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  backups: z.int().nonnegative(),
  /** Backups the catalogue says are there and are not. */
  missing: z.int().nonnegative(),
  damaged: z.int().nonnegative(),
  /** Sources with backups there that the catalogue does not know; at most 100. */
  unknown: z.record(SourceId, z.int().positive()),
  /** Leftovers of attempts that came to nothing. */
  orphans: z.object({ objects: z.int().nonnegative(), bytes: z.int().nonnegative() }),
  /** Where the target locks what is put: how many copies are locked, how many were renewed, and which were not locked and should have been. */
  locks: z
    .object({
      locked: z.int().nonnegative(),
      extended: z.int().nonnegative(),
      drifted: z.array(
        z.object({ sourceId: SourceId, backupId: BackupId, problem: z.string(), now: z.enum(['locked', 'unlocked']) }),
      ),
    })
    .optional(),
  /** Why this look is not believed: the target shows so much less than it should that the look is more likely wrong. */
  doubt: z.string().optional(),
  /** Since when no look was believed. */
  doubtedSince: Moment.optional(),
})
export type TargetSurvey = z.infer<typeof TargetSurvey>

/** Key: the target. */
export const SURVEYS_BUCKET: BucketDefinition<TargetSurvey> = {
  name: 'lifeboat_surveys',
  summary: 'What the newest look at each target found; expiry needs a recent one.',
  schema: TargetSurvey,
  permanent: true,
}

/** How far the reading of samples has come at one target. */
export const DeepReads = z.object({
  targetId: TargetId,
  /** Until when reading was paid for. */
  at: Moment,
  /** Bytes that may still be read; negative after a large copy. */
  creditBytes: z.number(),
})
export type DeepReads = z.infer<typeof DeepReads>

/** Key: the target. */
export const DEEP_READS_BUCKET: BucketDefinition<DeepReads> = {
  name: 'lifeboat_deep_reads',
  summary: 'How far uploaders have come with reading samples of what each target holds.',
  schema: DeepReads,
  permanent: true,
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

/** What became of the last time expiry was due. */
export const ExpiryOutcome = z.object({
  at: Moment,
  digest: z.string(),
  going: z.int().nonnegative(),
  /** Why it was not carried out; empty: it was, or it only had to be told. */
  refused: z.array(z.string()),
})
export type ExpiryOutcome = z.infer<typeof ExpiryOutcome>

export const EXPIRY_OUTCOME_KEY = 'last'
/** Key: `last`. */
export const EXPIRY_BUCKET: BucketDefinition<ExpiryOutcome> = {
  name: 'lifeboat_expiry',
  summary: 'What became of the last expiry that was due by its schedule, and why it was refused if it was.',
  schema: ExpiryOutcome,
  permanent: true,
}
