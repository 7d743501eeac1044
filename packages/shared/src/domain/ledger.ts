import { z } from 'zod'
import { ErrorReportSchema } from '../errors/error-report.ts'
import { BackupId, BackupKind, Moment, PolicyId, RunId, SourceId, TargetId } from './ids.ts'
import { SetPart } from './set.ts'

/**
 * A run's way through the ledger.
 * expected: written down beforehand · wished: the wish is on the bus · running: an agent works on an attempt · succeeded: a backup is sealed ·
 * failed: given up · cancelled: by an operator · overdue: exceeded maxDuration · skipped: by the overlap or catch-up rule, with the reason ·
 * missed: its time passed and nobody began.
 */
export const RunState = z.enum([
  'expected',
  'wished',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'overdue',
  'skipped',
  'missed',
])
export type RunState = z.infer<typeof RunState>

export type RunEvent = 'wish' | 'begin' | 'succeed' | 'fail' | 'retry' | 'cancel' | 'exceed' | 'skip' | 'miss'

/** Total on purpose: the compiler finds the missing cell. `refuse` means the event changes nothing there. */
export const RUN_LIFECYCLE: Record<RunState, Record<RunEvent, RunState | 'refuse'>> = {
  expected: {
    wish: 'wished',
    begin: 'running',
    succeed: 'refuse',
    fail: 'refuse',
    retry: 'refuse',
    cancel: 'cancelled',
    exceed: 'refuse',
    skip: 'skipped',
    miss: 'missed',
  },
  wished: {
    wish: 'wished',
    begin: 'running',
    succeed: 'refuse',
    fail: 'failed',
    retry: 'wished',
    cancel: 'cancelled',
    exceed: 'overdue',
    skip: 'skipped',
    miss: 'missed',
  },
  // A second begin is the next attempt: the first agent died or handed the wish back.
  running: {
    wish: 'refuse',
    begin: 'running',
    succeed: 'succeeded',
    fail: 'failed',
    retry: 'wished',
    cancel: 'cancelled',
    exceed: 'overdue',
    skip: 'refuse',
    miss: 'refuse',
  },
  // A missed run that is caught up after all is a run like any other.
  missed: {
    wish: 'wished',
    begin: 'running',
    succeed: 'refuse',
    fail: 'refuse',
    retry: 'refuse',
    cancel: 'cancelled',
    exceed: 'refuse',
    skip: 'refuse',
    miss: 'refuse',
  },
  succeeded: {
    wish: 'refuse',
    begin: 'refuse',
    succeed: 'succeeded',
    fail: 'refuse',
    retry: 'refuse',
    cancel: 'refuse',
    exceed: 'refuse',
    skip: 'refuse',
    miss: 'refuse',
  },
  failed: {
    wish: 'refuse',
    begin: 'refuse',
    succeed: 'refuse',
    fail: 'failed',
    retry: 'refuse',
    cancel: 'refuse',
    exceed: 'refuse',
    skip: 'refuse',
    miss: 'refuse',
  },
  cancelled: {
    wish: 'refuse',
    begin: 'refuse',
    succeed: 'refuse',
    fail: 'refuse',
    retry: 'refuse',
    cancel: 'cancelled',
    exceed: 'refuse',
    skip: 'refuse',
    miss: 'refuse',
  },
  overdue: {
    wish: 'refuse',
    begin: 'refuse',
    succeed: 'refuse',
    fail: 'refuse',
    retry: 'refuse',
    cancel: 'refuse',
    exceed: 'overdue',
    skip: 'refuse',
    miss: 'refuse',
  },
  skipped: {
    wish: 'refuse',
    begin: 'refuse',
    succeed: 'refuse',
    fail: 'refuse',
    retry: 'refuse',
    cancel: 'refuse',
    exceed: 'refuse',
    skip: 'skipped',
    miss: 'refuse',
  },
}

/** What a run takes; `drill`: nothing, it rehearses recovery on a date of its own. */
export const RunKind = z.enum([...BackupKind.options, 'drill'])
export type RunKind = z.infer<typeof RunKind>

/** One drill a scheduled rehearsal consists of. */
export const RunDrill = z.object({ runId: RunId, backupId: BackupId, policyId: PolicyId, targetId: TargetId })
export type RunDrill = z.infer<typeof RunDrill>

/** One expected or wished backup run and what became of it. Key in the ledger bucket: the run id. */
export const LedgerEntry = z.object({
  runId: RunId,
  sourceId: SourceId,
  policyId: PolicyId,
  kind: RunKind,
  /** `agent`: itself, because WAL was lost or files changed. */
  requestedBy: z.enum(['schedule', 'operator', 'agent']),
  state: RunState,
  /** When the run is due, jitter included; for an operator's run the moment of the wish. */
  dueAt: Moment,
  /** dueAt + the policy's grace: not begun by then is late, and an incident. */
  lateAt: Moment,
  /** dueAt + maxDuration + grace; not ended by then is overdue and gets cancelled. */
  deadlineAt: Moment,
  /** Of a member of a set. */
  set: SetPart.optional(),
  /** 0 before the first attempt; also the fencing token: an attempt may write only while its number is the newest. */
  attempt: z.int().nonnegative(),
  /** Instance of the agent that holds the newest attempt. */
  heldBy: z.string().optional(),
  /** Of a run of kind drill: what was chosen, out of how many. A random choice follows from the run id alone. */
  drills: z.array(RunDrill).optional(),
  chosenOf: z.int().nonnegative().optional(),
  /** Of a run that found nothing changed: the earlier backup that still holds everything. */
  backupId: BackupId.optional(),
  unchanged: z.literal(true).optional(),
  beganAt: Moment.optional(),
  endedAt: Moment.optional(),
  /** Why it was skipped, missed or failed, in words. */
  reason: z.string().optional(),
  error: ErrorReportSchema.optional(),
})
export type LedgerEntry = z.infer<typeof LedgerEntry>
