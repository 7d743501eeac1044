import { z } from 'zod'
import { ErrorReportSchema } from '../errors/error-report.ts'
import { Verdict, WalFinding } from './drill.ts'
import {
  AgentId,
  BackupId,
  BackupKind,
  DrillId,
  MarkId,
  Moment,
  PolicyId,
  RunId,
  Sha256,
  SourceId,
  TargetId,
} from './ids.ts'
import { BackupSummary, FilesFacts, PhysicalFacts } from './manifest.ts'
import { SetPart } from './set.ts'
import { ExportFacts } from './table-export.ts'

/**
 * One copy's way: `expected` → `stored` → `proven` or `disproven`. `refused` means the target holds something else under a key of ours.
 * An inconclusive drill changes nothing: the copy stays what it was. `marked`: let go, its bytes are still there · `expired`: they are gone · `missing`, `damaged`: the
 * target does not hold what it should.
 */
export const CopyState = z.enum([
  'expected',
  'stored',
  'proven',
  'disproven',
  'refused',
  'marked',
  'expired',
  'missing',
  'damaged',
])
export type CopyState = z.infer<typeof CopyState>

/** One drill's finding about the WAL behind a backup at one target. */
export const WalDrill = WalFinding.extend({ drillId: DrillId, at: Moment })
export type WalDrill = z.infer<typeof WalDrill>

export const Copy = z.object({
  state: CopyState,
  storedAt: Moment.optional(),
  error: ErrorReportSchema.optional(),
  lastDrill: z
    .object({
      drillId: DrillId,
      verdict: Verdict,
      at: Moment,
      reasons: z.array(z.string()),
      /** First byte fetched to first query answered. */
      recoveryMs: z.int().nonnegative().optional(),
      /** What to do about the reasons. */
      hints: z.array(z.string()).optional(),
      /** Milliseconds per phase. */
      phases: z.record(z.string(), z.int().nonnegative()).optional(),
    })
    .optional(),
  /** The newest drill that came to a conclusion; it decides between proven and disproven. */
  conclusion: z.object({ drillId: DrillId, verdict: z.enum(['proven', 'failed']), at: Moment }).optional(),
  /** What the last drills found of the WAL behind it, newest first; drills that came to nothing at all left out. */
  wal: z.array(WalDrill).max(5).optional(),
  /** Each letting go, by mark: the copy is hidden while one of them is not undone. */
  marks: z.record(MarkId, z.object({ removeAfter: Moment.optional(), undone: z.boolean() })).optional(),
  expiredAt: Moment.optional(),
  /** What the newest look at the target found. */
  audit: z
    .object({ at: Moment, found: z.enum(['whole', 'missing', 'damaged']), problem: z.string().optional() })
    .optional(),
  /** When all of its bytes were last read and compared with the digests of the manifest; drills left out. */
  readAt: Moment.optional(),
  /** What the store last said of how long it refuses to remove it; without `until`: it does not. Absent: nobody told. */
  lock: z.object({ at: Moment, until: Moment.optional() }).optional(),
  /** When its bytes were put there anew from another target; what drills said before is about other bytes. */
  remadeAt: Moment.optional(),
})
export type Copy = z.infer<typeof Copy>

/** What the catalogue knows of one backup: a projection of facts, rebuilt from any one target. */
export const BackupRecord = z.object({
  backupId: BackupId,
  runId: RunId,
  sourceId: SourceId,
  policyId: PolicyId,
  agentId: AgentId,
  kind: BackupKind,
  /** Of a member of a set. */
  set: SetPart.optional(),
  startedAt: Moment,
  snapshotAt: Moment.optional(),
  sealedAt: Moment.optional(),
  failedAt: Moment.optional(),
  error: ErrorReportSchema.optional(),
  /** Sum of all artifacts, bytes. */
  bytes: z.int().optional(),
  summary: BackupSummary.optional(),
  physical: PhysicalFacts.optional(),
  files: FilesFacts.optional(),
  exports: ExportFacts.optional(),
  /** The source was looked at again then, and nothing of it had changed: it brings back that moment as well. */
  unchangedAt: Moment.optional(),
  manifestSha256: Sha256.optional(),
  /** Public age keys it is encrypted to; absent in records from before this was told, until the catalogue is rebuilt. */
  recipients: z.array(z.string()).optional(),
  requiredCopies: z.int().positive(),
  copies: z.record(TargetId, Copy),
})
export type BackupRecord = z.infer<typeof BackupRecord>

/**
 * `running` → `sealed` (complete in the spool) → `stored` (enough copies) → `proven` (a drill of some copy succeeded) → `expired` (let go everywhere) · `failed`.
 */
export type BackupState = 'running' | 'failed' | 'sealed' | 'stored' | 'proven' | 'expired'

export function stateOf(record: BackupRecord): BackupState {
  if (record.sealedAt === undefined) return record.failedAt === undefined ? 'running' : 'failed'
  const copies = Object.values(record.copies)
  if (copies.some((copy) => copy.state === 'proven')) return 'proven'
  // A disproven copy is there but worthless: it does not count towards what the policy demands. What was let go did count once.
  const stored = copies.filter((copy) => copy.state === 'stored').length
  const gone = copies.filter((copy) => copy.state === 'marked' || copy.state === 'expired').length
  if (stored === 0 && gone > 0) return 'expired'
  return stored + gone >= record.requiredCopies ? 'stored' : 'sealed'
}

/** What a backup cannot be brought back without; itself only where it is full. */
export function needsOf({ physical, files }: Pick<BackupRecord, 'physical' | 'files'>): BackupId[] {
  const parent = physical?.parent ?? files?.parent
  return parent === undefined ? [] : [parent]
}
