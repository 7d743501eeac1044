import { z } from 'zod'
import { BackupId, Moment, SourceId, TargetId } from '../../domain/ids.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

const about = { sourceId: SourceId, backupId: BackupId, targetId: TargetId }

/** Told of a copy whose state a look changes, and of every copy that was read; of the others only the survey tells. */
export const CopyAudited = defineMessage({
  subject: 'copy.audited',
  version: 1,
  class: 'fact',
  owner: ['uploader', 'cli'],
  summary: 'A look at a target found a copy missing or damaged, or whole again; or a copy was read in depth.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}/${data.at}`,
  route: (data) => data.sourceId,
  data: z.object({
    ...about,
    at: Moment,
    found: z.enum(['whole', 'missing', 'damaged']),
    problem: z.string().optional(),
    /** All of its bytes were read and compared with the digests of the manifest. */
    read: z.boolean().optional(),
  }),
})
export type CopyAudited = DataOf<typeof CopyAudited>

/** Please make this copy whole again from another target. */
export const CopyRemakeRequested = defineMessage({
  subject: 'copy.remake-requested',
  version: 1,
  class: 'wish',
  owner: ['uploader', 'scheduler', 'cli'],
  summary: 'Asks an uploader to put what a target lacks of a backup there, from another target that has it.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}/${data.requestedAt}`,
  route: (data) => data.targetId,
  data: z.object({ ...about, reason: z.string(), requestedAt: Moment }),
})
export type CopyRemakeRequested = DataOf<typeof CopyRemakeRequested>

const walAbout = { sourceId: SourceId, targetId: TargetId, key: z.string() }

/** Told of WAL that was found wrong by reading it, and of the same when it is right again; of what was never wrong nothing is told. */
export const WalAudited = defineMessage({
  subject: 'wal.audited',
  version: 1,
  class: 'fact',
  owner: ['uploader', 'cli'],
  summary: 'Reading back found that a target holds other bytes of WAL than were put there, or that it is whole again.',
  dedupeKey: (data) => `${data.targetId}/${data.key}/${data.at}`,
  route: (data) => data.sourceId,
  data: z.object({
    ...walAbout,
    at: Moment,
    found: z.enum(['whole', 'missing', 'damaged']),
    problem: z.string().optional(),
    /** Whence it was put anew. */
    from: TargetId.optional(),
  }),
})
export type WalAudited = DataOf<typeof WalAudited>

/** Please put this object of WAL anew from another target, if what lies there is wrong. */
export const WalRemakeRequested = defineMessage({
  subject: 'wal.remake-requested',
  version: 1,
  class: 'wish',
  owner: ['uploader', 'cli'],
  summary: 'Asks an uploader to replace damaged WAL at a target by what another target holds.',
  dedupeKey: (data) => `${data.targetId}/${data.key}/${data.requestedAt}`,
  route: (data) => data.targetId,
  data: z.object({ ...walAbout, reason: z.string(), requestedAt: Moment }),
})
export type WalRemakeRequested = DataOf<typeof WalRemakeRequested>

/** Every digest of the manifest was compared on the way. */
export const CopyRemade = defineMessage({
  subject: 'copy.remade',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'A target holds a whole copy again, put there from another target.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}/${data.remadeAt}`,
  route: (data) => data.sourceId,
  data: z.object({
    ...about,
    remadeAt: Moment,
    /** As the store says of the manifest; absent where it is not locked, and from uploaders that did not tell. */
    lockedUntil: Moment.optional(),
    /** What was put anew; the rest was there. */
    objects: z.int().nonnegative(),
    bytes: z.int().nonnegative(),
    from: z.array(TargetId),
    reason: z.string(),
  }),
})
export type CopyRemade = DataOf<typeof CopyRemade>
