import { z } from 'zod'
import { ErrorReportSchema } from '../errors/error-report.ts'
import { AgentId, BackupId, FleetId, Moment, RestoreId, SourceId, TargetId } from './ids.ts'

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

/** What an operator signs, nothing left to whoever carries it. */
export const RestoreOrder = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('restore'),
    ...about,
    backupId: BackupId,
    /** Where copies of it are, the first to be tried first. */
    targets: z.array(TargetId).min(1),
    /** Also if no drill has proven the copy. */
    unproven: z.boolean(),
    /** The age identity that opens the backup, encrypted to the agent alone (armored age). */
    sealedIdentity: z.string().max(65_536),
  }),
  z.strictObject({ action: z.literal('revert'), ...about }),
  z.strictObject({ action: z.literal('release'), ...about }),
])
export type RestoreOrder = z.infer<typeof RestoreOrder>

/** A JWS in general JSON form: one payload, a signature (EdDSA) by each operator. */
export const SignedOrder = z.object({
  payload: z.string(),
  signatures: z
    .array(z.object({ protected: z.string(), signature: z.string() }))
    .max(10)
    .default([]),
})
export type SignedOrder = z.infer<typeof SignedOrder>

/** What a restore would do, as the agent sees it; nothing has been touched. */
export const RestorePlan = z.object({
  sourceId: SourceId,
  agentId: AgentId,
  database: z.string(),
  backup: z.object({
    backupId: BackupId,
    snapshotAt: Moment,
    bytes: z.int(),
    signer: z.string(),
    drill: z.object({ verdict: z.string(), finishedAt: Moment }).optional(),
  }),
  targetId: TargetId,
  /** Targets that were asked before and could not help. */
  passedOver: z.array(z.object({ targetId: TargetId, error: ErrorReportSchema })),
  server: z.object({ major: z.int(), version: z.string(), extensions: z.array(z.string()) }),
  fetchBytes: z.int(),
  /** Where the archive lies meanwhile, and where the server keeps its data; absent where nobody can look. */
  disks: z.array(z.object({ of: z.string(), path: z.string(), neededBytes: z.number(), freeBytes: z.number() })),
  /** Who is connected now and would be cut. */
  sessions: z.array(z.object({ user: z.string(), application: z.string(), count: z.int() })),
  hooks: z.array(
    z.object({ on: z.enum(['stop', 'start', 'ready']), name: HookName, command: z.array(z.string()).optional() }),
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

/** `refused`: not even begun · `failed`: see `swapped` for what has changed. */
export const RestoreOutcome = z.enum(['done', 'failed', 'cancelled', 'refused'])
export type RestoreOutcome = z.infer<typeof RestoreOutcome>
