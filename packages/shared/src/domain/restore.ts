import { z } from 'zod'
import { ErrorReportSchema } from '../errors/error-report.ts'
import { Goal } from './goal.ts'
import { AgentId, BackupId, FleetId, Moment, RestoreId, SourceId, TargetId } from './ids.ts'
import { FilesSwap } from './restore-files.ts'
import { PlannedTables, TablesWish } from './restore-tables.ts'
import { Lsn, Timeline, WalReach } from './wal.ts'

/** Name of a program in the configuration of an agent. */
export const HookName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use lower-case letters, digits and dashes, starting with a letter or digit')
export type HookName = z.infer<typeof HookName>

/** What runs around the swap; each may be absent. */
export const RestoreHooks = z.strictObject({
  /** Before the swap, so that the service lets go of the database. */
  stop: HookName.optional(),
  /** After the swap, or when it came to nothing. */
  start: HookName.optional(),
  /** At the end: does the service work again? */
  ready: HookName.optional(),
})
export type RestoreHooks = z.infer<typeof RestoreHooks>

/** Around the swap of a tree of files. */
export const FilesHooks = RestoreHooks.extend({
  /** In the new tree, before anything is stopped, e.g. `npm ci --omit=dev`. */
  post: HookName.optional(),
})
export type FilesHooks = z.infer<typeof FilesHooks>

const about = {
  restoreId: RestoreId,
  fleetId: FleetId,
  /** Whom it is for; every other agent refuses it. */
  agentId: AgentId,
  sourceId: SourceId,
  hooks: RestoreHooks,
  /** Sessions get so long to leave by themselves, milliseconds. */
  drainMs: z.int().nonnegative().max(3_600_000),
  why: z.string().min(1).max(500),
  issuedAt: Moment,
  expiresAt: Moment,
  /** Random; an agent obeys each once. */
  nonce: z.string().regex(/^[A-Za-z0-9_-]{22,64}$/),
}

/** `beside`: a server of its own, for a look · `in place`: it becomes the server. */
export const ClusterPlace = z.enum(['beside', 'in place'])
export type ClusterPlace = z.infer<typeof ClusterPlace>

/** A cluster, to a moment. */
export const ClusterWish = z.strictObject({
  place: ClusterPlace,
  goal: Goal,
  /** Default: the newest that leads there. */
  timeline: Timeline.optional(),
  /** Of one in place: it stands beside for a look first, until it is promoted into its place. */
  pause: z.boolean().optional(),
  /** On which a cluster beside listens, also one that waits for its place. */
  port: z.int().min(1).max(65_535).optional(),
})
export type ClusterWish = z.infer<typeof ClusterWish>

/** What PostgreSQL takes whole, and nobody takes for what restores leave under names of their own. */
export const NewName = z
  .string()
  .min(1)
  .refine((name) => new TextEncoder().encode(name).length <= 63, 'at most 63 bytes: PostgreSQL cuts longer names')
  .refine((name) => !/\p{Cc}/u.test(name), 'no control characters')
  .refine(
    (name) => !/_(before|reverted)_\d{8}t\d{6}z$|_(restoring|recovering)_[0-9a-z]{6}$/.test(name),
    'restores put databases aside under such names',
  )
export type NewName = z.infer<typeof NewName>

/** A database beside everything that is there, under a name that is free. */
export const NewDatabase = z.strictObject({
  name: NewName,
  /** Whose backup it comes out of, where that is another source; default the one it is about, whose server it is made on. */
  copiesOf: SourceId.optional(),
})
export type NewDatabase = z.infer<typeof NewDatabase>

/** Where copies are, the first to be tried first, and the age identity that opens them, encrypted to the agent alone (armored age). */
const copies = { targets: z.array(TargetId).min(1), sealedIdentity: z.string().max(65_536) }
/** `unproven`: also if no drill has proven the copy. */
const backup = { backupId: BackupId, unproven: z.boolean(), ...copies }
const database = { ...about, kind: z.literal('database').optional() }
const newDatabase = {
  ...{ ...about, kind: z.literal('new database'), newDatabase: NewDatabase },
  hooks: RestoreHooks.refine(
    ({ stop, start }) => stop === undefined && start === undefined,
    'nothing is stopped for it',
  ),
}
const cluster = { ...about, kind: z.literal('cluster') }
const tables = { ...about, kind: z.literal('tables'), tables: TablesWish.shape.tables }
const files = { ...about, kind: z.literal('files') }

/** How far the WAL led when its end was the goal of the plan: what leads less far when the order is obeyed is not what was signed. */
const promised = { wal: WalReach.optional() }

/** What an operator signs, nothing left to whoever carries it. */
export const RestoreOrder = z.discriminatedUnion('action', [
  z.discriminatedUnion('kind', [
    z.strictObject({ action: z.literal('restore'), ...database, ...backup }),
    z.strictObject({ action: z.literal('restore'), ...newDatabase, ...backup }),
    /** `backupId` is the last of the chain. */
    z.strictObject({ action: z.literal('restore'), ...cluster, ...backup, ...ClusterWish.shape, ...promised }),
    z.strictObject({ action: z.literal('restore'), ...tables, ...backup, ...TablesWish.shape, ...promised }),
    z.strictObject({ action: z.literal('restore'), ...files, hooks: FilesHooks, ...backup }),
  ]),
  /** Takes the cluster beside, which stands still, further on. */
  z.strictObject({ action: z.literal('move'), ...cluster, ...copies, goal: Goal }),
  /** Ends the recovery of the cluster beside where it stands; `in place`: and puts it in the place of the data directory. */
  z.strictObject({ action: z.literal('promote'), ...cluster, ...copies, place: ClusterPlace.optional() }),
  z.discriminatedUnion('kind', [
    z.strictObject({ action: z.literal('revert'), ...database }),
    z.strictObject({ action: z.literal('revert'), ...cluster }),
    z.strictObject({ action: z.literal('revert'), ...tables }),
    z.strictObject({ action: z.literal('revert'), ...files }),
  ]),
  z.discriminatedUnion('kind', [
    z.strictObject({ action: z.literal('release'), ...database }),
    z.strictObject({ action: z.literal('release'), ...newDatabase }),
    z.strictObject({ action: z.literal('release'), ...cluster, place: ClusterPlace }),
    z.strictObject({ action: z.literal('release'), ...tables }),
    z.strictObject({ action: z.literal('release'), ...files }),
  ]),
])
export type RestoreOrder = z.infer<typeof RestoreOrder>
export type ClusterOrder<A extends RestoreOrder['action'] = RestoreOrder['action']> = Extract<
  RestoreOrder,
  { kind: 'cluster'; action: A }
>
export type TablesOrder<A extends RestoreOrder['action'] = RestoreOrder['action']> = Extract<
  RestoreOrder,
  { kind: 'tables'; action: A }
>
/** What says no kind is about the database of the source. */
export type DatabaseOrder<A extends RestoreOrder['action'] = RestoreOrder['action']> = Exclude<
  Extract<RestoreOrder, { action: A }>,
  { kind: 'cluster' | 'tables' | 'files' | 'new database' }
>
export type NewDatabaseOrder<A extends RestoreOrder['action'] = RestoreOrder['action']> = Extract<
  RestoreOrder,
  { kind: 'new database'; action: A }
>

export type FilesOrder<A extends RestoreOrder['action'] = RestoreOrder['action']> = Extract<
  RestoreOrder,
  { kind: 'files'; action: A }
>

export const RestoreAction = z.enum(['restore', 'move', 'promote', 'revert', 'release'])

/** A JWS in general JSON form: one payload, a signature (EdDSA) by each operator. */
export const SignedOrder = z.object({
  payload: z.string(),
  signatures: z
    .array(z.object({ protected: z.string(), signature: z.string() }))
    .max(10)
    .default([]),
})
export type SignedOrder = z.infer<typeof SignedOrder>

const PlannedBackup = z.object({
  backupId: BackupId,
  snapshotAt: Moment,
  bytes: z.int(),
  signer: z.string(),
  drill: z.object({ verdict: z.string(), finishedAt: Moment }).optional(),
})

/** A target that could not help, and why. */
export const PassedOver = z.object({ targetId: TargetId, error: ErrorReportSchema })
export type PassedOver = z.infer<typeof PassedOver>

/** What a plan for a cluster says beside what every plan says. */
const PlannedCluster = z.object({
  place: ClusterPlace,
  /** For people. */
  goal: z.string(),
  /** Oldest first; the last one is the backup of the plan. */
  chain: z.array(PlannedBackup),
  timeline: Timeline.optional(),
  /** Without a hole; absent where the WAL in the backup is enough. */
  wal: z.object({ from: Lsn, end: Lsn, objects: z.int(), bytes: z.int() }).optional(),
  /** Where the data directory will be. */
  dataDirectory: z.string(),
  pause: z.boolean().optional(),
  port: z.int().optional(),
  /** Where the present data directory will be kept; `<when>` is the time of the swap. Absent where there is none. */
  aside: z.string().optional(),
})

/** What a plan for a tree of files says beside what every plan says. */
const PlannedFiles = z.object({
  root: z.string(),
  /** Oldest first; the last one is the backup of the plan. */
  chain: z.array(PlannedBackup),
  swap: FilesSwap,
  /** Where it is put together. */
  folder: z.string(),
  /** Files and folders the last backup of the chain holds. */
  members: z.int(),
})

/** What a restore would do, as the agent sees it; nothing has been touched. */
export const RestorePlan = z.object({
  sourceId: SourceId,
  agentId: AgentId,
  /** Absent where a tree of files is planned. */
  database: z.string().optional(),
  backup: PlannedBackup,
  /** The name it will have, where nothing is replaced. */
  newDatabase: NewDatabase.optional(),
  /** Absent where a database is planned. */
  cluster: PlannedCluster.optional(),
  tables: PlannedTables.optional(),
  files: PlannedFiles.optional(),
  targetId: TargetId,
  /** Targets that were asked before and could not help. */
  passedOver: z.array(PassedOver),
  /** Absent where a tree of files is planned. */
  server: z.object({ major: z.int(), version: z.string(), extensions: z.array(z.string()) }).optional(),
  fetchBytes: z.int(),
  /** Where the archive lies meanwhile, and where the server keeps its data; absent where nobody can look. */
  disks: z.array(z.object({ of: z.string(), path: z.string(), neededBytes: z.number(), freeBytes: z.number() })),
  /** Who is connected now and would be cut. */
  sessions: z.array(z.object({ user: z.string(), application: z.string(), count: z.int() })),
  hooks: z.array(
    z.object({
      on: z.enum(['post', 'stop', 'start', 'ready']),
      name: HookName,
      command: z.array(z.string()).optional(),
    }),
  ),
  /** How long a drill of this copy took, milliseconds, on the machine of the verifier. */
  drillMs: z.int().optional(),
  loss: z.object({ until: Moment.optional(), sentence: z.string() }),
  /** How many operators the agent wants. */
  signatures: z.int(),
  obstacles: z.array(ErrorReportSchema),
  notes: z.array(z.string()),
})
export type RestorePlan = z.infer<typeof RestorePlan>

/** A cluster as a command left it. */
export const ClusterLeft = z.object({
  /** `in place` with `reach`: it stands beside and waits for its place. */
  place: ClusterPlace,
  /** Where it lies. */
  dataDirectory: z.string(),
  /** How a cluster beside is reached: its socket lies in the folder, and it listens on 127.0.0.1. */
  reach: z.object({ folder: z.string(), port: z.int() }).optional(),
  /** `paused`: it stands still at the goal and can only be read. */
  state: z.enum(['paused', 'promoted']),
  /** Where recovery ended. */
  recovered: z.object({ lsn: Lsn, timeline: Timeline, lastCommitAt: Moment.optional() }),
})
export type ClusterLeft = z.infer<typeof ClusterLeft>

/** `refused`: not even begun · `failed`: see `swapped` for what has changed. */
export const RestoreOutcome = z.enum(['done', 'failed', 'cancelled', 'refused'])
export type RestoreOutcome = z.infer<typeof RestoreOutcome>
