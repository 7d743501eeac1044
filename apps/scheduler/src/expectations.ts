import { moment, type RunId, scheduledPointId, scheduledRunId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { Decision } from './due.ts'
import { jitterOf, nominalMs, occurrences } from './occurrences.ts'
import type { TimedPlan } from './plans.ts'

/** A plan that runs more often than this in a day is written down as far ahead as the number reaches. */
const MOST_AHEAD = 1500

/** What to write down and what to take back of one plan, so that the ledger holds its runs until `nowMs + aheadMs`. */
export function planAhead(plan: TimedPlan, known: readonly LedgerEntry[], nowMs: number, aheadMs: number): Decision[] {
  return [...withdrawals(plan, known, nowMs, aheadMs), ...expectations(plan, known, nowMs, aheadMs)]
}

/**
 * The runs to write down: all until `nowMs + aheadMs` that the ledger lacks.
 *
 * Starts where the ledger ends, so that runs of a long downtime are written down too, to be missed aloud; a plan the ledger has
 * never seen starts now. The past is not filled again when a schedule changes.
 */
function expectations(plan: TimedPlan, known: readonly LedgerEntry[], nowMs: number, aheadMs: number): Decision[] {
  const ids = new Set<string>(known.map((entry) => entry.runId))
  const reached = nominalMs(lastPlanned(known) ?? '')
  const after = reached === undefined ? nowMs : Math.min(reached, nowMs)
  return occurrences(plan, after, nowMs + aheadMs, MOST_AHEAD)
    .map((atMs) => expectedRun(plan, atMs))
    .filter((entry) => !ids.has(entry.runId))
    .map((entry) => ({ do: 'expect', runId: entry.runId, entry, reason: `planned by ${plan.cron} ${plan.zone}` }))
}

/** Ids of one plan sort by time. */
function lastPlanned(known: readonly LedgerEntry[]): string | undefined {
  let last: string | undefined
  for (const { runId, requestedBy } of known)
    if (requestedBy === 'schedule' && (last === undefined || runId > last)) last = runId
  return last
}

/** Runs of the coming hours that the schedule no longer names: they were never due, so they leave the ledger. */
function withdrawals(plan: TimedPlan, known: readonly LedgerEntry[], nowMs: number, aheadMs: number): Decision[] {
  const named = new Set(occurrences(plan, nowMs, nowMs + aheadMs, MOST_AHEAD))
  const reached = named.size < MOST_AHEAD ? nowMs + aheadMs : Math.max(...named)
  const stale = (atMs: number | undefined) => atMs !== undefined && atMs > nowMs && atMs <= reached && !named.has(atMs)
  return known
    .filter((entry) => entry.state === 'expected' && stale(nominalMs(entry.runId)))
    .map(({ runId }) => ({ do: 'withdraw', runId, reason: `the schedule is now ${plan.cron} ${plan.zone}` }))
}

/** The ledger entry of one occurrence; the same for every scheduler. */
export function expectedRun(plan: TimedPlan, atMs: number): LedgerEntry {
  const runId: RunId = scheduledRunId(plan.policyId, plan.sourceId, atMs)
  const dueMs = atMs + jitterOf(runId, plan.jitterMs)
  return {
    runId,
    sourceId: plan.sourceId,
    policyId: plan.policyId,
    kind: plan.kind,
    requestedBy: 'schedule',
    state: 'expected',
    dueAt: moment(dueMs),
    lateAt: moment(dueMs + plan.graceMs),
    deadlineAt: moment(dueMs + plan.graceMs + plan.maxDurationMs),
    ...setOf(plan, atMs),
    attempt: 0,
  }
}

/** Every member of a set computes the same recovery point; a run that is missed and caught up keeps it. */
function setOf({ set }: TimedPlan, atMs: number): Pick<LedgerEntry, 'set'> {
  if (set === undefined) return {}
  const { setId, members } = set
  return { set: { point: scheduledPointId(setId, atMs), setId, members: [...members] } }
}
