import { z } from 'zod'
import { AgentId, Md5, Moment, Sha256, SourceId, TargetId } from '../../domain/ids.ts'
import { Lsn, Timeline } from '../../domain/wal.ts'
import { ErrorReportSchema } from '../../errors/error-report.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

const about = {
  sourceId: SourceId,
  agentId: AgentId,
  /** Where it lies, or will lie, at every target; see `walKey`. */
  key: z.string(),
  /** Of the encrypted bytes: what is encrypted anew is announced anew. */
  sha256: Sha256,
  timeline: Timeline,
  /** What of the log it holds, `endLsn` excluded; absent for a history file. */
  startLsn: Lsn.optional(),
  endLsn: Lsn.optional(),
}

/** A segment, a piece of an unfinished one or a history file is complete in the spool; its bytes will not change again. */
export const WalSealed = defineMessage({
  subject: 'wal.sealed',
  version: 1,
  class: 'flow',
  owner: 'backup-agent',
  summary: 'A piece of WAL is complete in the spool and can be fetched by HTTP.',
  dedupeKey: (data) => `${data.key}/${data.sha256}`,
  route: (data) => data.agentId,
  data: z.object({
    ...about,
    bytes: z.int().positive(),
    /** Absent when every target said that it does without. */
    md5: Md5.optional(),
    /** The cluster it comes from; a target that holds another cluster's WAL under this source refuses it. */
    systemIdentifier: z.string(),
    sealedAt: Moment,
    targets: z.array(TargetId).min(1),
    /** Base URL of the agent's spool; the object lies at /wal/<sourceId>/<file name>. */
    spoolUrl: z.url(),
  }),
})
export type WalSealed = DataOf<typeof WalSealed>

/** A target holds it, or held the same plain bytes already. */
export const WalStored = defineMessage({
  subject: 'wal.stored',
  version: 1,
  class: 'flow',
  owner: 'uploader',
  summary: 'One target holds one piece of WAL, digest confirmed.',
  dedupeKey: (data) => `${data.targetId}/${data.key}/${data.sha256}`,
  route: (data) => data.agentId,
  data: z.object({
    ...about,
    targetId: TargetId,
    storedAt: Moment,
    /** Its store checks SHA-256: WAL need not be told with an MD5 for its sake. */
    withoutMd5: z.literal(true).optional(),
  }),
})
export type WalStored = DataOf<typeof WalStored>

/** The target will never take it: it holds the WAL of another cluster under this source. */
export const WalRefused = defineMessage({
  subject: 'wal.refused',
  version: 1,
  class: 'flow',
  owner: 'uploader',
  summary: 'A target cannot take the WAL of this source, and trying again cannot help.',
  dedupeKey: (data) => `${data.targetId}/${data.key}/${data.sha256}`,
  route: (data) => data.agentId,
  data: z.object({ ...about, targetId: TargetId, refusedAt: Moment, error: ErrorReportSchema }),
})
export type WalRefused = DataOf<typeof WalRefused>

/** Please look what other targets hold of the WAL of this source and this one lacks, and bring it there. */
export const WalRefillRequested = defineMessage({
  subject: 'wal.refill.requested',
  version: 1,
  class: 'wish',
  owner: ['backup-agent', 'scheduler'],
  summary: 'Asks an uploader to fill the WAL a target lacks from other targets that have it.',
  dedupeKey: (data) => `${data.sourceId}/${data.targetId}/${data.requestedAt}`,
  route: (data) => data.targetId,
  data: z.object({
    sourceId: SourceId,
    agentId: AgentId,
    /** The one to be filled. */
    targetId: TargetId,
    /** All that keep the WAL of this source. */
    targets: z.array(TargetId).min(1),
    systemIdentifier: z.string(),
    segmentBytes: z.int().positive(),
    /** WAL that ends before this is needed by nobody. */
    from: Lsn,
    reason: z.string(),
    requestedAt: Moment,
  }),
})
export type WalRefillRequested = DataOf<typeof WalRefillRequested>
