import { z } from 'zod'
import { Goal } from '../../domain/goal.ts'
import { AgentId, BackupId, Moment, RestoreId, SourceId, TargetId } from '../../domain/ids.ts'
import {
  ClusterLeft,
  ClusterPlace,
  ClusterWish,
  FilesHooks,
  NewDatabase,
  PassedOver,
  RestoreAction,
  type RestoreOrder,
  RestoreOutcome,
  RestorePlan,
  SignedOrder,
} from '../../domain/restore.ts'
import { FilesChanges, FilesLeft } from '../../domain/restore-files.ts'
import { Extent, TableDiff, TableRef, TablesInto, TablesWish } from '../../domain/restore-tables.ts'
import { Timeline } from '../../domain/wal.ts'
import { ErrorReportSchema } from '../../errors/error-report.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

/** Needs no signature: it changes nothing. */
export const RestorePlanRequested = defineMessage({
  subject: 'restore.plan-requested',
  version: 1,
  class: 'wish',
  owner: 'cli',
  summary: 'Asks an agent what a restore of one of its sources would do; changes nothing.',
  dedupeKey: (data) => data.restoreId,
  route: (data) => data.agentId,
  data: z.object({
    restoreId: RestoreId,
    agentId: AgentId,
    sourceId: SourceId,
    /** Default: the newest proven one. */
    backupId: BackupId.optional(),
    /** Of files: the newest of this moment or earlier. */
    before: Moment.optional(),
    targets: z.array(TargetId).min(1),
    unproven: z.boolean(),
    hooks: FilesHooks,
    /** The whole cluster, to a moment; default the database out of a dump. */
    cluster: ClusterWish.optional(),
    tables: TablesWish.optional(),
    /** The database out of a dump under another name, and nothing is replaced. */
    newDatabase: NewDatabase.optional(),
    /** The age identity, encrypted to the agent: a plan may look whether it fits, and read what is encrypted of the WAL archive. */
    sealedIdentity: z.string().max(65_536).optional(),
    requestedAt: Moment,
  }),
})
export type RestorePlanRequested = DataOf<typeof RestorePlanRequested>

export const RestorePlanned = defineMessage({
  subject: 'restore.planned',
  version: 1,
  class: 'fact',
  owner: 'backup-agent',
  summary: 'What a restore would do, or why there is no way to do it.',
  dedupeKey: (data) => data.restoreId,
  route: (data) => data.sourceId,
  data: z.object({
    restoreId: RestoreId,
    sourceId: SourceId,
    plan: RestorePlan.optional(),
    error: ErrorReportSchema.optional(),
  }),
})
export type RestorePlanned = DataOf<typeof RestorePlanned>

/** The agent believes nothing but what is signed: the other fields only carry it there. */
export const RestoreRequested = defineMessage({
  subject: 'restore.requested',
  version: 1,
  class: 'wish',
  owner: 'cli',
  summary:
    'Commands an agent to restore, move, promote, revert or release; signed by operators (JWS, EdDSA), valid for minutes, obeyed once.',
  /** A signature more makes another message of it: what was sent too early may be sent again. */
  dedupeKey: (data) => `${data.restoreId}/${data.order.signatures.length}`,
  route: (data) => data.agentId,
  data: z.object({ restoreId: RestoreId, agentId: AgentId, order: SignedOrder }),
})
export type RestoreRequested = DataOf<typeof RestoreRequested>

/** Of one that was cancelled before its swap. */
const Cancelled = z.object({
  /** Who says to have asked for the end: a cancel is not signed, since it changes nothing. */
  cancelledBy: z.string().optional(),
  cancelReason: z.string().optional(),
})

export const RestoreSettled = defineMessage({
  subject: 'restore.settled',
  version: 1,
  class: 'fact',
  owner: 'backup-agent',
  summary: 'A command of operators is over, well or badly, or was refused.',
  dedupeKey: (data) => `${data.restoreId}/${data.at}`,
  route: (data) => data.agentId,
  data: z.object({
    restoreId: RestoreId,
    agentId: AgentId,
    /** Absent where nothing trustworthy says it. */
    sourceId: SourceId.optional(),
    outcome: RestoreOutcome,
    /** Whether something else is in the place of the database, the data directory or the files now; false: production is as it was. */
    swapped: z.boolean(),
    /**
     * Under which name the database or the rows of tables, or where the data directory or the tree of files, that was there before is kept; of several places
     * the first.
     */
    aside: z.string().optional(),
    /** What a release dropped for good. */
    dropped: z.array(z.string()).optional(),
    /** Sessions that had to be ended. */
    terminated: z.int().optional(),
    tables: z.int().optional(),
    rows: z.int().optional(),
    /** Of a command about a cluster. */
    cluster: ClusterLeft.optional(),
    /** Of a command about tables: how backup and server differed before anything was changed. */
    diffs: z.array(TableDiff).optional(),
    /** Where they came out of a physical backup. */
    extent: Extent.optional(),
    /** The schema that was made for the tables. */
    schema: z.string().optional(),
    /** The database that is there besides now. */
    newDatabase: z.string().optional(),
    /** Of a command about a tree of files. */
    files: FilesLeft.optional(),
    /** Targets that could not help. */
    passedOver: z.array(PassedOver).optional(),
    at: Moment,
    ...Cancelled.shape,
    error: ErrorReportSchema.optional(),
  }),
})
export type RestoreSettled = DataOf<typeof RestoreSettled>

/** Written before anything is done, and after it; the stream refuses to forget. */
export const RestoreAudited = defineMessage({
  subject: 'restore.audited',
  version: 1,
  class: 'audit',
  owner: 'backup-agent',
  summary: 'Who commanded what and why, and what came of it; in a stream from which nothing can be removed.',
  dedupeKey: (data) => `${data.restoreId}/${data.event}/${data.at}`,
  route: (data) => data.agentId,
  data: z.object({
    restoreId: RestoreId,
    agentId: AgentId,
    event: z.enum(['accepted', 'compared', 'swapped', 'done', 'failed', 'cancelled', 'refused']),
    at: Moment,
    /** Operators whose signatures held. */
    who: z.array(z.string()),
    action: RestoreAction.optional(),
    sourceId: SourceId.optional(),
    /** What it is about; absent in what agents told before they said so. */
    kind: z.enum(['database', 'new database', 'cluster', 'tables', 'files']).optional(),
    /** The one of the source; absent where the whole cluster, a tree of files or a new database was meant. */
    database: z.string().optional(),
    newDatabase: NewDatabase.optional(),
    /** Of a tree of files. */
    root: z.string().optional(),
    /** Of a tree of files, told before anything is changed. */
    changes: FilesChanges.optional(),
    place: ClusterPlace.optional(),
    /** A cluster in place was to stand still for a look first. */
    pause: z.boolean().optional(),
    goal: Goal.optional(),
    /** Where another way to the goal than the newest was asked for. */
    timeline: Timeline.optional(),
    tables: z.array(TableRef).optional(),
    into: TablesInto.optional(),
    /** Of tables, told before anything is changed. */
    diffs: z.array(TableDiff).optional(),
    /** Likewise, where they came out of a physical backup. */
    extent: Extent.optional(),
    backupId: BackupId.optional(),
    /** A copy no drill has proven was allowed. */
    unproven: z.boolean().optional(),
    /** What was to run around it; absent where nothing was. */
    hooks: FilesHooks.optional(),
    why: z.string().optional(),
    aside: z.string().optional(),
    /** With the end: targets that could not help. */
    passedOver: z.array(PassedOver).optional(),
    ...Cancelled.shape,
    error: ErrorReportSchema.optional(),
  }),
})
export type RestoreAudited = DataOf<typeof RestoreAudited>

/** What an order says for the audit: what was signed, but for what carries it there. */
export function commandedBy(order: RestoreOrder): Partial<RestoreAudited> {
  const { action, sourceId, kind = 'database', why, hooks } = order
  return {
    ...{ action, sourceId, kind, why },
    ...(order.action === 'restore' && { backupId: order.backupId, unproven: order.unproven }),
    ...(order.kind === 'new database' && { newDatabase: order.newDatabase }),
    ...(order.kind === 'tables' && { tables: order.tables }),
    ...('into' in order && { into: order.into }),
    ...('place' in order && { place: order.place }),
    ...('pause' in order && { pause: order.pause }),
    ...('goal' in order && { goal: order.goal }),
    ...('timeline' in order && { timeline: order.timeline }),
    ...(Object.keys(hooks).length > 0 && { hooks }),
  }
}
