import { z } from 'zod'
import { BackupId, HoldId, MarkId, Moment, SourceId, TargetId } from './ids.ts'

/** An explicit stop: nothing of a source, or one backup of it, is let go until it is released. Lies in the bus and at every target. */
export const Hold = z.object({
  holdId: HoldId,
  sourceId: SourceId,
  /** Absent: the whole source, its WAL included. */
  backupId: BackupId.optional(),
  by: z.string().min(1),
  why: z.string().min(1),
  at: Moment,
  released: z.object({ by: z.string().min(1), why: z.string().min(1), at: Moment }).optional(),
})
export type Hold = z.infer<typeof Hold>

/** What lies at a target beside a hold that was released. */
export const Release = z.object({ holdId: HoldId, by: z.string().min(1), why: z.string().min(1), at: Moment })
export type Release = z.infer<typeof Release>

/** What lies at a target in front of a backup that was let go. */
export const Tombstone = z.object({
  markId: MarkId,
  sourceId: SourceId,
  backupId: BackupId,
  targetId: TargetId,
  by: z.string().min(1),
  reasons: z.array(z.string()),
  markedAt: Moment,
  /** Its bytes are there until then at least. */
  removeAfter: Moment,
})
export type Tombstone = z.infer<typeof Tombstone>

/**
 * How far the letting go of one copy has come; the fence between undoing and removing. `marked` → `removing` → `removed`, or `marked` → `undone`: what is
 * being removed cannot be brought back.
 */
export const Mark = Tombstone.extend({ state: z.enum(['marked', 'removing', 'removed', 'undone']) })
export type Mark = z.infer<typeof Mark>

/** What came of an expiry whose time had come. */
export const ExpiryOutcome = z.object({
  at: Moment,
  /** The time of the schedule it was for; it may have been made up later. */
  dueAt: Moment.optional(),
  /** `applied`: what may go was let go · `planned`: it was only looked, a person lets go · `refused`: more would go than may without a person */
  did: z.enum(['applied', 'planned', 'refused']).optional(),
  digest: z.string(),
  /** Copies that were let go, or may be. */
  going: z.int().nonnegative(),
  /** Of these copies. */
  bytes: z.int().nonnegative().default(0),
  /** Archives of WAL of which something goes. */
  wal: z.int().nonnegative().default(0),
  /** Why it was not carried out; empty: it was, or it only had to be told. */
  refused: z.array(z.string()),
  /** What was not known, each once: for its sake copies stayed. */
  doubts: z.array(z.string()).default([]),
})
export type ExpiryOutcome = z.infer<typeof ExpiryOutcome>
