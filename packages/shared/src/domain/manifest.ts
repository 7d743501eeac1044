import { z } from 'zod'
import { LifeboatError } from '../errors/lifeboat-error.ts'
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
import { SetPart } from './set.ts'
import { ExportFacts } from './table-export.ts'
import { Lsn, Timeline } from './wal.ts'

/** A fixed-size slice of an artifact: the unit of transport, retry and storage. Its bytes never change. */
export const Part = z.object({
  no: z.int().nonnegative(),
  bytes: z.int().positive(),
  sha256: Sha256,
  /** For a store that checks nothing stronger; absent where each target of the backup said that it does without. */
  md5: Md5.optional(),
})
export type Part = z.infer<typeof Part>

/** One sealed byte stream; `cat` its parts in order, then decrypt. */
export const Artifact = z.object({
  name: ArtifactName,
  role: z.enum([
    'database',
    'globals',
    'fingerprint',
    'base',
    'tablespace',
    'backup-manifest',
    'config-files',
    'relations',
    'files',
    'members',
    'table',
    'table-export',
    'definition',
  ]),
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

/**
 * What a backup is about, for people and for the size rules. A copy of a whole cluster counts neither tables nor rows, nor does a file tree;
 * `databaseBytes` of that are the bytes of its files.
 */
export const BackupSummary = z.object({ tables: z.int().nullable(), rows: z.int().nullable(), databaseBytes: z.int() })
export type BackupSummary = z.infer<typeof BackupSummary>

/** What a `base` or an `incremental` is, besides its bytes. Its own WAL from start to end is inside, so it stands alone or with its parents. */
export const PhysicalFacts = z.object({
  /** Of the cluster it is of; absent where an older agent took it, and then `server` of the manifest says it. */
  systemIdentifier: z.string().optional(),
  timeline: Timeline,
  startLsn: Lsn,
  /** Recovery is consistent here and not before. */
  endLsn: Lsn,
  segmentBytes: z.int().positive(),
  fromStandby: z.boolean(),
  /** The newest heartbeat row its agent had written when it began: it is in there. Absent where none is written. */
  heartbeatAt: Moment.optional(),
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

/** Files something was noticed about: how many, and the paths of the first. Bytes of a name that are no UTF-8 stand as octal escapes. */
export const NamedFiles = z.object({ count: z.int().nonnegative(), paths: z.array(z.string()) })
export type NamedFiles = z.infer<typeof NamedFiles>

/**
 * What was noticed while files were read; a kind that did not happen is absent.
 * changed: while it was read · vanished, unreadable, too-large, other-filesystem, special (a socket): not in the archive · secret: looks like one ·
 * exposed-secret: and others than its owner may read it.
 */
export const FileNotice = z.enum([
  'changed',
  'vanished',
  'unreadable',
  'too-large',
  'other-filesystem',
  'special',
  'secret',
  'exposed-secret',
])
export type FileNotice = z.infer<typeof FileNotice>

/** What a backup of kind `files` is, besides its bytes. */
export const FilesFacts = z.object({
  /** Absolute path on the host; every name in the archive is relative to it. */
  root: z.string(),
  /** Members of the archive by kind. An incremental holds every folder, and of files only what changed. */
  files: z.int().nonnegative(),
  folders: z.int().nonnegative(),
  links: z.int().nonnegative(),
  /** Contents of the files, unpacked, bytes. */
  bytes: z.int().nonnegative(),
  /** Passes over the tree that were needed, each an archive of its own; more than one when logs were rotated meanwhile. */
  passes: z.int().positive(),
  /** What it is incremental to; absent for a full one. */
  parent: BackupId.optional(),
  /** Links between this one and its full backup; 0 for a full one. */
  chain: z.int().nonnegative(),
  /** Why a policy of incrementals took a full one. */
  fullBecause: z.string().optional(),
  notices: z.partialRecord(FileNotice, NamedFiles),
})
export type FilesFacts = z.infer<typeof FilesFacts>

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
  /** Of a member of a set. */
  set: SetPart.optional(),
  /** Of kinds that are about one database. */
  database: z.string().optional(),
  startedAt: Moment,
  /** The moment this backup brings back: of a dump when its snapshot was taken, of a base or an incremental when it ended, of files when reading began. */
  snapshotAt: Moment,
  sealedAt: Moment,
  /** Of kinds that are about PostgreSQL. */
  server: ServerFacts.optional(),
  /** Tool → version line, e.g. pg_dump → "pg_dump (PostgreSQL) 15.18". */
  tools: z.record(z.string(), z.string()),
  /** Public age recipients the artifacts are encrypted to. */
  recipients: z.array(z.string()).min(1),
  summary: BackupSummary,
  /** Only of kinds `base` and `incremental`. */
  physical: PhysicalFacts.optional(),
  /** Only of kind `files`. */
  files: FilesFacts.optional(),
  /** Only of kind `tables`. */
  exports: ExportFacts.optional(),
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

/** What only kinds that come from a server have. */
export interface OfServer {
  database: string
  server: ServerFacts
}

/** @throws LifeboatError MANIFEST_TAMPERED – a manifest of such a kind lacks what it must have */
export function demandServer<M extends Pick<Manifest, 'database' | 'server'>>(manifest: M): M & OfServer {
  const { database, server } = manifest
  if (database === undefined || server === undefined)
    throw new LifeboatError('MANIFEST_TAMPERED', { problem: 'it names no database and no server' })
  return { ...manifest, database, server }
}
