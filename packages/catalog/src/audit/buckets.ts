import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { BackupId, BackupKind, Moment, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { z } from 'zod'

/** Since when parts are marked to be moved by age, and after how many days. */
const MoveMarks = z.partialRecord(BackupKind, z.object({ days: z.int().positive(), since: Moment }))
export type MoveMarks = z.infer<typeof MoveMarks>

const PartCount = z.object({ parts: z.int().nonnegative(), bytes: z.int().nonnegative() })

/** What the storage classes of the objects came to. */
const ClassSurvey = z.object({
  marks: MoveMarks,
  /** Parts that are known to be marked: those the store moved, and those it should have and has not. */
  moved: PartCount,
  late: PartCount,
  /** Objects in a class they do not belong in; those that must be thawed first, at most 10 by name. */
  misplaced: z.object({
    objects: z.int().nonnegative(),
    offline: z.int().nonnegative(),
    shown: z.array(z.object({ key: z.string(), storageClass: z.string() })),
  }),
})
export type ClassSurvey = z.infer<typeof ClassSurvey>

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
  /** The first ten of them. */
  unlisted: z.array(z.object({ sourceId: SourceId, backupId: BackupId })).optional(),
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
  /** Where the store has classes. */
  classes: ClassSurvey.optional(),
  /** How far the clock of whoever looked was ahead of that of the store, negative where it was behind; absent: the store tells no time. */
  clockAheadMs: z.int().optional(),
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

/** A target that was seen with the marker of the fleet. */
export const MarkedTarget = z.object({ targetId: TargetId, since: Moment })
export type MarkedTarget = z.infer<typeof MarkedTarget>

/** Key: the target. */
export const MARKED_TARGETS_BUCKET: BucketDefinition<MarkedTarget> = {
  name: 'lifeboat_marked_targets',
  summary: 'Targets that were seen with the marker of the fleet: where it is gone since, nothing is put.',
  schema: MarkedTarget,
  permanent: true,
}

/** How far the reading of samples has come at one target. */
export const DeepReads = z.object({
  targetId: TargetId,
  /** Until when reading was paid for. */
  at: Moment,
  /** Bytes that may still be read; negative after a large copy. */
  creditBytes: z.number(),
  /** Until when the turns of WAL were taken. */
  walAt: Moment.optional(),
})
export type DeepReads = z.infer<typeof DeepReads>

/** Key: the target. */
export const DEEP_READS_BUCKET: BucketDefinition<DeepReads> = {
  name: 'lifeboat_deep_reads',
  summary: 'How far uploaders have come with reading samples of what each target holds.',
  schema: DeepReads,
  permanent: true,
}

/** Why WAL could not be put anew. `no-removal`: what lies there may not be removed · `locked`: the store holds it · `nowhere`: no other target has it whole */
export const WalStuck = z.object({
  reason: z.enum(['no-removal', 'locked', 'nowhere']),
  why: z.string(),
  /** Tries in a row that came to this. */
  tries: z.int().positive(),
  /** When its bytes are read again; sooner when something changed. */
  again: Moment,
})
export type WalStuck = z.infer<typeof WalStuck>

/** WAL of which a target does not hold the bytes that were put there. */
export const WalDamage = z.object({
  sourceId: SourceId,
  targetId: TargetId,
  key: z.string(),
  found: z.enum(['missing', 'damaged']),
  problem: z.string(),
  since: Moment,
  /** When it was last looked at. */
  at: Moment,
  /** It could not be put anew; absent while that was not tried, or may do at the next look. */
  stuck: WalStuck.optional(),
  /** It is whole again, and whence that was put anew; stays until an alerter has told of it. */
  mended: z.object({ at: Moment, from: TargetId.optional() }).optional(),
})
export type WalDamage = z.infer<typeof WalDamage>

/** Key: `walDamageKey`. */
export const WAL_DAMAGE_BUCKET: BucketDefinition<WalDamage> = {
  name: 'lifeboat_wal_damage',
  summary:
    'WAL at targets that was found damaged by reading it back, or missing by listing it, until that it is whole again was told, or it was let go.',
  schema: WalDamage,
}

export function walDamageKey({ targetId, key }: Pick<WalDamage, 'targetId' | 'key'>): string {
  return `${targetId}.${key}`
}
