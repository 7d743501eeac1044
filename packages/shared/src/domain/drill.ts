import { z } from 'zod'
import { ErrorReportSchema } from '../errors/error-report.ts'
import { BackupId, BackupKind, DrillId, FleetId, Moment, RunId, Sha256, SourceId, TargetId } from './ids.ts'
import { Lsn, SegmentName, Timeline } from './wal.ts'

/** `inconclusive`: the drill could not ask its questions (no scratch server, target away); says nothing about the backup. */
export const Verdict = z.enum(['proven', 'failed', 'inconclusive'])
export type Verdict = z.infer<typeof Verdict>

/** How far a physical backup is recovered through the WAL archive. */
export const RecoverTo = z.union([z.literal('latest'), z.object({ time: Moment })])
export type RecoverTo = z.infer<typeof RecoverTo>

/**
 * How far the WAL archive of one target leads, as its agent said when the drill was asked for. A drill that goes as far as there is WAL has to come
 * there: an archive whose end is gone looks like one that ends earlier.
 */
export const HeldWal = z.object({
  timeline: Timeline,
  /** Everything before it was confirmed by the target. */
  lsn: Lsn,
  /** The newest heartbeat row that is known to lie before it. */
  heartbeatAt: Moment.optional(),
})
export type HeldWal = z.infer<typeof HeldWal>

/** One question and its measured answer. `unable` = the question could not be asked; `skipped` = it does not apply, with the reason. */
export const CheckResult = z.object({
  check: z.enum([
    'manifest',
    'digests',
    'decrypt',
    'globals',
    'restore',
    'backup-manifest',
    'combine',
    'recover',
    'wal',
    'heartbeat',
    'checksums',
    'extract',
    'members',
    'owners',
    'attributes',
    'fingerprint',
    'constraints',
    'amcheck',
    'assertion',
  ]),
  /** The assertion's own name, or what part of the copy was asked about. */
  subject: z.string().optional(),
  answer: z.enum(['passed', 'failed', 'unable', 'skipped']),
  /** One sentence with the numbers, for people. */
  detail: z.string(),
  error: ErrorReportSchema.optional(),
  durationMs: z.int().nonnegative(),
})
export type CheckResult = z.infer<typeof CheckResult>

/**
 * What became of the way through the WAL archive, where a drill was asked to go it. It is apart from the verdict on the copy: a base is sound for its
 * own moment, whatever became of the WAL behind it.
 */
export const WalFinding = z.object({
  to: RecoverTo,
  /** `proven`: replayed to there · `failed`: WAL on the way is missing, damaged or another's · `inconclusive`: the archive does not reach there, or nobody could look */
  verdict: Verdict,
  /** One sentence each; empty when proven. */
  reasons: z.array(z.string()),
  /** The first WAL that is missing or bad, as far as it is known. */
  segment: SegmentName.optional(),
  /** Up to here it could be replayed. */
  reached: Lsn.optional(),
})
export type WalFinding = z.infer<typeof WalFinding>

/** What a drill measured; signed by the verifier (JWS, EdDSA) and stored beside the backup it is about. */
export const Evidence = z.object({
  format: z.literal(1),
  fleetId: FleetId,
  drillId: DrillId,
  runId: RunId,
  backupId: BackupId,
  sourceId: SourceId,
  kind: BackupKind,
  targetId: TargetId,
  verifierId: z.string(),
  manifestSha256: Sha256.optional(),
  startedAt: Moment,
  finishedAt: Moment,
  checks: z.array(CheckResult),
  verdict: Verdict,
  reasons: z.array(z.string()),
  /** Of a physical backup whose drill was to go on through the WAL archive of its target. */
  wal: WalFinding.optional(),
  /** Milliseconds per phase: fetch, boot, restore, check … */
  phases: z.record(z.string(), z.int().nonnegative()),
  /** First byte fetched to first query answered on the restored data; the measured RTO. */
  recoveryMs: z.int().nonnegative().optional(),
  /** Of a physical backup: what was aimed at, and where recovery ended. */
  recovered: z
    .object({
      to: RecoverTo.or(z.literal('end of backup')),
      lsn: Lsn,
      timeline: Timeline,
      /** Time of the last transaction replayed. */
      lastCommitAt: Moment.optional(),
      /** Newest heartbeat found. */
      heartbeatAt: Moment.optional(),
    })
    .optional(),
  bytesFetched: z.int().nonnegative(),
  scratch: z.object({ version: z.string(), kept: z.string().optional() }).optional(),
  /** Name → version line of the programs that took part. */
  tools: z.record(z.string(), z.string()),
})
export type Evidence = z.infer<typeof Evidence>

/** What to do about what a drill could not answer or answered badly, each hint once; empty where no error had one. */
export function hintsOf({ checks }: Pick<Evidence, 'checks'>): string[] {
  const bad = checks.filter(({ answer }) => answer === 'failed' || answer === 'unable')
  return [...new Set(bad.flatMap(({ error }) => (error === undefined ? [] : [error.hint])))]
}
