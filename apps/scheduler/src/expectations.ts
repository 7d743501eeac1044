import { moment, type RunId, scheduledRunId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { Decision } from './due.ts'
import { isOccurrence, jitterOf, nominalMs, occurrences } from './occurrences.ts'
import type { Plan } from './plans.ts'

/** A plan that runs more often than this in a day is written down as far ahead as the number reaches. */
const MOST_AHEAD = 1500

/**
 * The runs to write down: all until `nowMs + aheadMs` that the ledger lacks.
 *
 * Starts where the ledger ends, so that runs of a long downtime are written down too, to be missed aloud; a plan the ledger has
 * never seen starts now. The past is not filled again when a schedule changes.
 */
export function expectations(plan: Plan, known: readonly LedgerEntry[], nowMs: number, aheadMs: number): Decision[] {
  const ids = new Set<string>(known.map((entry) => entry.runId))
  const reached = Math.max(
    ...known.map((entry) => nominalMs(entry.runId) ?? Number.NEGATIVE_INFINITY),
    Number.NEGATIVE_INFINITY,
  )
  const after = Number.isFinite(reached) ? Math.min(reached, nowMs) : nowMs
  return occurrences(plan, after, nowMs + aheadMs, MOST_AHEAD)
    .map((atMs) => expectedRun(plan, atMs))
    .filter((entry) => !ids.has(entry.runId))
    .map((entry) => ({ do: 'expect', runId: entry.runId, entry, reason: `planned by ${plan.cron} ${plan.zone}` }))
}

/** Runs of the future that the schedule no longer names: they were never due, so they leave the ledger. */
export function withdrawals(plan: Plan, known: readonly LedgerEntry[], nowMs: number): Decision[] {
  return known
    .filter((entry) => entry.state === 'expected' && Date.parse(entry.dueAt) > nowMs + 60_000)
    .filter((entry) => {
      const atMs = nominalMs(entry.runId)
      return atMs !== undefined && !isOccurrence(plan, atMs)
    })
    .map(({ runId }) => ({ do: 'withdraw', runId, reason: `the schedule is now ${plan.cron} ${plan.zone}` }))
}

/** The ledger entry of one occurrence; the same for every scheduler. */
export function expectedRun(plan: Plan, atMs: number): LedgerEntry {
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
    attempt: 0,
  }
}
