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
