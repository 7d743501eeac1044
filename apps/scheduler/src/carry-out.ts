import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { SchedulerDeps } from './deps.ts'
import { tellDeviation } from './deviations.ts'
import type { Decision } from './due.ts'
import type { Wishes } from './wishes.ts'

/** Decisions are taken on a view that may lag: nothing is done to a run an agent has begun meanwhile. */
const unbegun = { when: (entry: LedgerEntry) => entry.attempt === 0 }

/** Writes one decision into the ledger, by compare-and-set, and only then tells the others. */
export async function carryOut(deps: SchedulerDeps, wishes: Wishes, decision: Decision, nowMs: number): Promise<void> {
  const { ledger, view, log } = deps
  const { runId, reason } = decision
  if (decision.do === 'wait') return
  if (decision.do === 'expect') {
    const created = await ledger.expect(decision.entry)
    view.note(created ? decision.entry : ((await ledger.get(runId)) ?? decision.entry))
    return
  }
  if (decision.do === 'withdraw') {
    await ledger.forget(runId)
    dropFromView(deps, runId)
    log.info({ event: 'run.withdrawn', runId, reason }, 'a planned run is not wanted any more')
    return
  }
  const event = decision.do
  const details = event === 'wish' ? wishDetails(decision, nowMs) : { reason, endedAt: moment(nowMs) }
  const result = await ledger.apply(runId, event, details, unbegun)
  if (result.outcome === 'unknown') return dropFromView(deps, runId)
  view.note(result.entry)
  // Whoever made the change tells of it; if that one died, repeatLost and tellRecentDeviations do.
  if (event === 'wish' && result.outcome === 'changed') await wishes.publish(result.entry)
  // `same` may be our own change whose answer was lost; telling twice is harmless.
  else if (event !== 'wish' && (result.outcome === 'changed' || result.outcome === 'same'))
    await tellDeviation(deps, result.entry, nowMs)
}

function wishDetails(decision: Decision & { do: 'wish' }, nowMs: number): { deadlineAt: Moment; reason?: string } {
  const late = decision.deadlineMs > nowMs && decision.reason.startsWith('caught up')
  return { deadlineAt: moment(decision.deadlineMs), ...(late ? { reason: decision.reason } : {}) }
}

function dropFromView({ view }: SchedulerDeps, runId: string): void {
  const entry = view.all().find((candidate) => candidate.runId === runId)
  if (entry) view.drop(entry)
}
