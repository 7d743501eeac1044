import { z } from 'zod'
import {
  AgentId,
  ArtifactName,
  BackupId,
  BackupKind,
  FleetId,
  Md5,
  Moment,
  PolicyId,
  RunId,
  Sha256,
  SourceId,
  TargetId,
} from './ids.ts'
import { Lsn, Timeline } from './wal.ts'

/** A fixed-size slice of an artifact: the unit of transport, retry and storage. Its bytes never change. */
export const Part = z.object({
  no: z.int().nonnegative(),
  bytes: z.int().positive(),
  sha256: Sha256,
  md5: Md5,
})
export type Part = z.infer<typeof Part>

/** One sealed byte stream; `cat` its parts in order, then decrypt. */
export const Artifact = z.object({
  name: ArtifactName,
  role: z.enum(['database', 'globals', 'fingerprint', 'base', 'tablespace', 'backup-manifest', 'config-files']),
  bytes: z.int().positive(),
  sha256: Sha256,
  parts: z.array(Part).min(1),
  /** How the bytes were made, in order, e.g. ['pg_dump --format=custom', 'zstd', 'age']. Undo from the right. */
  encoding: z.array(z.string()),
})
export type Artifact = z.infer<typeof Artifact>

/** A small readable file beside the artifacts (RECOVER.md). */
export const Document = z.object({ name: z.string(), bytes: z.int().positive(), sha256: Sha256, md5: Md5 })
export type Document = z.infer<typeof Document>

/** What a server looked like when the backup was taken. */
export const ServerFacts = z.object({
  /** e.g. 170004, as `server_version_num`. */
  versionNum: z.int(),
  major: z.int(),
  version: z.string(),
  /** Unsigned 64-bit as text: JavaScript numbers cannot hold it. */
  systemIdentifier: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  /** Extensions of the backed-up database, name → version. */
  extensions: z.record(z.string(), z.string()),
})
export type ServerFacts = z.infer<typeof ServerFacts>

/** What a backup is about, for people and for the size rules. A copy of a whole cluster counts neither tables nor rows. */
export const BackupSummary = z.object({ tables: z.int().nullable(), rows: z.int().nullable(), databaseBytes: z.int() })
export type BackupSummary = z.infer<typeof BackupSummary>

/** What a `base` or an `incremental` is, besides its bytes. Its own WAL from start to end is inside, so it stands alone or with its parents. */
export const PhysicalFacts = z.object({
  timeline: Timeline,
  startLsn: Lsn,
  /** Recovery is consistent here and not before. */
  endLsn: Lsn,
  segmentBytes: z.int().positive(),
  fromStandby: z.boolean(),
  /** What it is incremental to; absent for a full one. */
  parent: BackupId.optional(),
  /** Links between this one and its full backup; 0 for a full one. */
  chain: z.int().nonnegative(),
  /** Why a policy of incrementals took a full one. */
  fullBecause: z.string().optional(),
  /** Whether the cluster has data checksums, and which files the server found damaged while reading (at most 100). */
  checksums: z.object({ enabled: z.boolean(), failures: z.array(z.string()) }),
  /** Folders outside the data directory; recovery maps them to new places. */
  tablespaces: z.array(z.object({ oid: z.string(), path: z.string(), artifact: ArtifactName })),
})
export type PhysicalFacts = z.infer<typeof PhysicalFacts>

/**
 * The contract of one backup: at a target the backup exists when this exists. Stored as a flattened JWS (EdDSA), signed by the agent;
 * never holds row contents, secrets or anything a bucket reader should not see.
 */
export const Manifest = z.object({
  format: z.literal(1),
  fleetId: FleetId,
  sourceId: SourceId,
  policyId: PolicyId,
  agentId: AgentId,
  runId: RunId,
  backupId: BackupId,
  kind: BackupKind,
  database: z.string(),
  startedAt: Moment,
  /** The moment this backup brings back: of a dump when its snapshot was taken, of a base or an incremental when it ended. */
  snapshotAt: Moment,
  sealedAt: Moment,
  server: ServerFacts,
  /** Tool → version line, e.g. pg_dump → "pg_dump (PostgreSQL) 15.18". */
  tools: z.record(z.string(), z.string()),
  /** Public age recipients the artifacts are encrypted to. */
  recipients: z.array(z.string()).min(1),
  summary: BackupSummary,
  /** Only of kinds `base` and `incremental`. */
  physical: PhysicalFacts.optional(),
  artifacts: z.array(Artifact).min(1),
  documents: z.array(Document),
  /** Where copies go and how many of them the policy demands before the spool lets go. */
  targets: z.array(TargetId).min(1),
  requiredCopies: z.int().positive(),
})
export type Manifest = z.infer<typeof Manifest>

export function backupBytes(manifest: Pick<Manifest, 'artifacts'>): number {
  return manifest.artifacts.reduce((sum, artifact) => sum + artifact.bytes, 0)
}
