import { z } from 'zod'
import { BackupId, MarkId, Moment, SourceId, TargetId } from '../../domain/ids.ts'
import { ExpiryOutcome, Hold, Tombstone } from '../../domain/retention.ts'
import { Lsn, Timeline } from '../../domain/wal.ts'
import { ErrorReportSchema } from '../../errors/error-report.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

const about = { sourceId: SourceId, backupId: BackupId, targetId: TargetId, markId: MarkId }

/** `mark` hides a copy behind a tombstone, `unmark` brings it back, `remove` takes its bytes once the tombstone has stood long enough. */
export const CopyExpiryRequested = defineMessage({
  subject: 'copy.expiry-requested',
  version: 1,
  class: 'wish',
  owner: ['scheduler', 'cli'],
  summary: 'Asks an uploader with the right to remove to take one step of letting go of one copy.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}/${data.markId}/${data.step}/${data.requestedAt}`,
  route: (data) => data.targetId,
  data: Tombstone.extend({ step: z.enum(['mark', 'unmark', 'remove']), requestedAt: Moment }),
})
export type CopyExpiryRequested = DataOf<typeof CopyExpiryRequested>

/** Its bytes are still there; nobody picks it any more. */
export const CopyMarked = defineMessage({
  subject: 'copy.marked',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'A copy is let go: a tombstone hides it, and its bytes stay for the undelete window.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}/${data.markId}`,
  route: (data) => data.sourceId,
  data: Tombstone,
})
export type CopyMarked = DataOf<typeof CopyMarked>

export const CopyUnmarked = defineMessage({
  subject: 'copy.unmarked',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'A copy that was let go is back.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}/${data.markId}`,
  route: (data) => data.sourceId,
  data: z.object({ ...about, by: z.string(), unmarkedAt: Moment }),
})
export type CopyUnmarked = DataOf<typeof CopyUnmarked>

/** The manifest went first, then everything else. */
export const CopyExpired = defineMessage({
  subject: 'copy.expired',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'The bytes of a copy that was let go are removed.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}/${data.markId}`,
  route: (data) => data.sourceId,
  data: z.object({ ...about, expiredAt: Moment, objects: z.int().nonnegative(), bytes: z.int().nonnegative() }),
})
export type CopyExpired = DataOf<typeof CopyExpired>

/** The store does not let go: while its manifest is locked the whole copy stays; where only parts are, the rest is gone and they follow when the lock ends. */
export const CopyLocked = defineMessage({
  subject: 'copy.locked',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'A copy that was let go cannot be removed yet: the store holds it.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}/${data.markId}/${data.at}`,
  route: (data) => data.sourceId,
  data: z.object({ ...about, at: Moment, until: Moment.optional(), error: ErrorReportSchema }),
})
export type CopyLocked = DataOf<typeof CopyLocked>

const walAbout = { sourceId: SourceId, targetId: TargetId, timeline: Timeline, before: Lsn, anchor: BackupId }

/** WAL has no tombstones: what recovery within the window does not need leads nowhere any more. */
export const WalExpiryRequested = defineMessage({
  subject: 'wal.expiry-requested',
  version: 1,
  class: 'wish',
  owner: ['scheduler', 'cli'],
  summary: 'Asks an uploader with the right to remove to remove WAL that the recovery window does not need.',
  dedupeKey: (data) => `${data.targetId}/${data.sourceId}/${data.timeline}/${data.before}/${data.requestedAt}`,
  route: (data) => data.targetId,
  data: z.object({
    ...walAbout,
    /** The moment the anchor brings back: recovery to earlier ones ends there. */
    anchorAt: Moment,
    segmentBytes: z.int().positive(),
    by: z.string(),
    requestedAt: Moment,
  }),
})
export type WalExpiryRequested = DataOf<typeof WalExpiryRequested>

export const WalExpired = defineMessage({
  subject: 'wal.expired',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'WAL that the recovery window does not need is removed from a target.',
  dedupeKey: (data) => `${data.targetId}/${data.sourceId}/${data.timeline}/${data.before}`,
  route: (data) => data.sourceId,
  data: z.object({
    ...walAbout,
    anchorAt: Moment,
    expiredAt: Moment,
    objects: z.int().nonnegative(),
    bytes: z.int().nonnegative(),
    /** What the store did not let go. */
    locked: z.int().nonnegative(),
  }),
})
export type WalExpired = DataOf<typeof WalExpired>

export const HoldPlaced = defineMessage({
  subject: 'hold.placed',
  version: 1,
  class: 'fact',
  owner: ['cli', 'scheduler'],
  summary:
    'An operator, or the policy of a set, put an explicit stop on letting go; uploaders write it down at every target.',
  dedupeKey: (data) => data.holdId,
  route: (data) => data.sourceId,
  data: Hold,
})
export type HoldPlaced = DataOf<typeof HoldPlaced>

export const HoldReleased = defineMessage({
  subject: 'hold.released',
  version: 1,
  class: 'fact',
  owner: 'cli',
  summary: 'An operator released a hold.',
  dedupeKey: (data) => data.holdId,
  route: (data) => data.sourceId,
  data: Hold.required({ released: true }),
})
export type HoldReleased = DataOf<typeof HoldReleased>

/** Also when nothing went: why not is part of it. */
export const ExpirySettled = defineMessage({
  subject: 'expiry.settled',
  version: 1,
  class: 'fact',
  owner: 'scheduler',
  summary: 'The expiry that was due came to something: what may go was let go or only told, or it was refused.',
  dedupeKey: (data) => `${data.dueAt}/${data.at}`,
  data: ExpiryOutcome.required({ dueAt: true, did: true }),
})
export type ExpirySettled = DataOf<typeof ExpirySettled>
