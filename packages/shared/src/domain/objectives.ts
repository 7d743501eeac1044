import { z } from 'zod'
import { BackupId, BackupKind, Moment, SourceId } from './ids.ts'

/** Any moment in it can be recovered, by what is off-site. */
export const RecoveryWindow = z.object({
  from: Moment,
  to: Moment,
  /** Recovery to its beginning starts here. */
  base: BackupId,
  /** From here on a drill has proven a backup that leads in; absent: none of those that do is proven, and the window is what targets hold, no more. */
  provenFrom: Moment.optional(),
  /** It grows: new WAL goes on where it ends. Of the older ones a hole is the end. */
  current: z.boolean(),
})
export type RecoveryWindow = z.infer<typeof RecoveryWindow>

/** What the promises of a source are worth at this moment, from what targets hold and drills measured. */
export const Objectives = z.object({
  sourceId: SourceId,
  /** The newest moment that would come back if the site were gone now; undefined: none would. */
  recoverableUntil: Moment.optional(),
  /** What brings that moment back. */
  by: z.enum(['wal', 'backup']).optional(),
  /** Work that would be lost, milliseconds; null: all of it. */
  rpoMs: z.int().nonnegative().nullable(),
  /** Oldest first. */
  windows: z.array(RecoveryWindow),
  /** The oldest moment that can be brought back, by WAL or by a backup alone. */
  firstPoint: Moment.optional(),
  /** How long it is going to take to have the data back: what drills took, scaled to the size of now. */
  rto: z.object({ ms: z.int().nonnegative(), kind: BackupKind, drills: z.int().positive() }).optional(),
  promise: z.object({ rpoMs: z.int(), rtoMs: z.int() }).optional(),
  /** `rto` is null while no drill has measured it. */
  kept: z.object({ rpo: z.boolean(), rto: z.boolean().nullable() }).optional(),
})
export type Objectives = z.infer<typeof Objectives>
