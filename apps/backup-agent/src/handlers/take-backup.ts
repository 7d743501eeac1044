import type { LedgerOutcome } from '@lifeboat/catalog/ledger.ts'
import type { PolicyConfig } from '@lifeboat/config/schema/policy.ts'
import type { Delivery, Handler } from '@lifeboat/shared/bus/bus.ts'
import type { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { moment, newBackupId, type RunId } from '@lifeboat/shared/domain/ids.ts'
import type { RunEvent } from '@lifeboat/shared/domain/ledger.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { createRun } from '@lifeboat/shared/run/create-run.ts'
import { deadline } from '@lifeboat/shared/run/deadline.ts'
import { type Turns, turns } from '@lifeboat/shared/run/turns.ts'
import type { Attempt } from '../attempt.ts'
import { attemptBackup } from '../attempt-backup.ts'
import type { AgentSource } from '../config.ts'
import type { AgentDeps } from '../deps.ts'
import { settleUnchanged } from '../exports/settle-unchanged.ts'
import { abandon, announceSealed, tellFailed } from '../spool/pick-up.ts'
import type { Spooled } from '../spool/spool.ts'

/** Dumps, bases and trees of files at the same time; more would only slow each other down on one host. */
const BULK_AT_ONCE = 2
/** As many as the bus grants a wish; the last one decides the run. */
const DELIVERIES = 20

/**
 * One wish → one backup, however often the wish comes and however often the agent dies in between. A wish that comes again while its run is
 * under way here is settled as that run is.
 */
export function takeBackup(deps: AgentDeps): Handler<BackupRequested> {
  const underWay = new Map<RunId, Promise<void>>()
  const bulk = turns(BULK_AT_ONCE)
  return (wish, delivery) => {
    const known = underWay.get(wish.runId)
    if (known !== undefined) return known
    const work = inTurn(bulk, wish, delivery, () => fulfil(deps, wish, delivery)).finally(() =>
      underWay.delete(wish.runId),
    )
    underWay.set(wish.runId, work)
    return work
  }
}

/** Bulk work waits for a turn; an export of a few tables, due every minute, must not wait behind a dump of hours. */
async function inTurn(
  bulk: Turns,
  { kind }: BackupRequested,
  { signal }: Delivery,
  work: () => Promise<void>,
): Promise<void> {
  if (kind === 'tables') return work()
  using _turn = await bulk.take(signal)
  await work()
}

async function fulfil(deps: AgentDeps, wish: BackupRequested, delivery: Delivery): Promise<void> {
  const log = deps.log.child({ runId: wish.runId, sourceId: wish.sourceId })
  const known = find(deps, wish)
  if (known === undefined) return refuse(deps, wish)
  if (await settleEarlier(deps, wish)) return
  await writeDown(deps, wish, known.policy)
  // A wish that was sent twice may be older than the ledger: a run that is caught up has its full time again.
  const deadlineAt = (await deps.ledger.get(wish.runId))?.deadlineAt ?? wish.deadlineAt
  const allowedMs = Date.parse(deadlineAt) - deps.clock.now()
  if (allowedMs <= 0) return pass(deps, wish, deadlineAt)
  using cancelled = deps.cancels.of(wish.runId)
  using overdue = deadline(allowedMs)
  const signals = [delivery.signal, deps.lease.lost, cancelled.signal, overdue.signal]
  using run = createRun({ id: wish.runId, service: 'backup-agent', signals, log, bus: deps.bus, clock: deps.clock })
  const attempt = await begin(deps, wish, known.policy)
  if (attempt === undefined) return
  let spooled: Spooled
  try {
    spooled = await deps.spool.begin(attempt)
    const unchanged = await attemptBackup(deps, { ...known, spooled, run })
    deps.footings.lookNow({ part: 'source', name: wish.sourceId })
    if (unchanged) return await settleUnchanged(deps, spooled, unchanged)
  } catch (thrown) {
    const err = run.signal.aborted ? LifeboatError.from(run.signal.reason) : LifeboatError.from(thrown)
    await end(deps, attempt, err, delivery)
    throw err
  }
  await announceSealed(deps, spooled)
}

/** What earlier attempts at this run left in the spool: a sealed one is told of, the others are given up. Whether the run has its backup. */
async function settleEarlier(deps: AgentDeps, { runId }: BackupRequested): Promise<boolean> {
  let told = false
  for (const spooled of deps.spool.all().filter(({ attempt }) => attempt.runId === runId)) {
    if (!(await deps.spool.isSealed(spooled))) await abandon(deps, spooled, { willRetry: true })
    else if (await announceSealed(deps, spooled)) told = true
  }
  return told
}

interface Known {
  source: AgentSource
  policy: PolicyConfig
}

function find({ cfg }: AgentDeps, { sourceId, policyId }: BackupRequested): Known | undefined {
  const source = cfg.sources.get(sourceId)
  const policy = cfg.policies.get(policyId)
  return source && policy?.sources.includes(sourceId) ? { source, policy } : undefined
}

async function refuse({ ledger, clock, cfg }: AgentDeps, wish: BackupRequested): Promise<never> {
  const { sourceId, policyId, runId } = wish
  const error = new LifeboatError('SOURCE_UNKNOWN', { sourceId, policyId, agentId: cfg.agentId })
  await ledger.apply(runId, 'fail', { error: reportOf(error), endedAt: moment(clock.now()) })
  throw error
}

/** A wish made by hand on the bus has no entry yet; one of the scheduler or the CLI has. */
async function writeDown({ ledger }: AgentDeps, wish: BackupRequested, policy: PolicyConfig): Promise<void> {
  const { agentId: _agent, ...entry } = wish
  const lateAt = moment(Date.parse(wish.dueAt) + policy.grace)
  await ledger.expect({ ...entry, lateAt })
}

/** The wish came when its time was over: nobody began the run, or who did died at it. */
async function pass({ ledger, clock, log }: AgentDeps, { runId }: BackupRequested, deadlineAt: string): Promise<void> {
  const endedAt = moment(clock.now())
  const reason = `no agent began it by ${deadlineAt}`
  const missed = await ledger.apply(runId, 'miss', { reason, endedAt })
  if (missed.outcome === 'refused')
    await ledger.apply(runId, 'exceed', { error: reportOf(new LifeboatError('RUN_OVERDUE', { deadlineAt })), endedAt })
  log.info({ event: 'run.passed', runId, deadlineAt }, 'the time of the run was over when its wish came')
}

/** Claims the run; the count the ledger gives is the fencing token of this attempt. undefined: it ended already. */
async function begin(deps: AgentDeps, wish: BackupRequested, policy: PolicyConfig): Promise<Attempt | undefined> {
  const { ledger, clock, instance, events, log } = deps
  const startedAt = moment(clock.now())
  const { runId, sourceId, policyId, agentId, kind, set } = wish
  const backupId = newBackupId(kind, clock.now())
  const claimed = await ledger.apply(runId, 'begin', { heldBy: instance, backupId, beganAt: startedAt })
  if (claimed.outcome !== 'changed') return leave(deps, wish, claimed)
  const { attempt } = claimed.entry
  const { targets, copies } = policy
  const about = { backupId, runId, sourceId, policyId, agentId, kind, attempt, startedAt, ...(set && { set }) }
  events.backupStarted(log, about)
  return { ...about, targets, requiredCopies: copies.required }
}

function leave({ log }: AgentDeps, { runId }: BackupRequested, claimed: LedgerOutcome): undefined {
  const state = claimed.outcome === 'unknown' ? 'unknown' : claimed.entry.state
  log.info({ event: 'run.left', runId, state }, 'the run has ended already, nothing to do')
}

/** How an error ends a run in the ledger; `retry` keeps it wished. */
function eventOf(err: LifeboatError, isLast: boolean): RunEvent {
  if (err.code === 'RUN_CANCELLED') return 'cancel'
  if (err.code === 'RUN_OVERDUE') return 'exceed'
  return err.retry === 'never' || (isLast && err.retry === 'later') ? 'fail' : 'retry'
}

async function end(deps: AgentDeps, attempt: Attempt, err: LifeboatError, delivery: Delivery): Promise<void> {
  const event = eventOf(err, delivery.attempt >= DELIVERIES)
  const details = { error: reportOf(err), endedAt: moment(deps.clock.now()) }
  await tellFailed(deps, attempt, err, event === 'retry')
  await deps.ledger.apply(attempt.runId, event, details, { attempt: attempt.attempt })
  const spooled = deps.spool.get(attempt.backupId)
  if (spooled) await deps.spool.drop(spooled)
}
