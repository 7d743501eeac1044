import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { type LedgerEntry, RUN_LIFECYCLE, type RunEvent } from '@lifeboat/shared/domain/ledger.ts'
import { overruns } from '../src/deadlines.ts'
import { type Decision, due } from '../src/due.ts'
import type { Plan } from '../src/plans.ts'

/** A plan with boring defaults: daily at 02:00 UTC, 15 min grace, 6 h at most. */
export function aPlan(over: Partial<Record<keyof Plan, unknown>> = {}): Plan {
  return {
    policyId: 'daily',
    sourceId: 'records',
    agentId: 'db1',
    kind: 'dump',
    cron: '0 2 * * *',
    zone: 'UTC',
    jitterMs: 0,
    graceMs: 15 * 60_000,
    maxDurationMs: 6 * 3_600_000,
    catchUp: 'latest',
    overlap: 'skip',
    targets: ['alpha', 'beta', 'gamma'],
    drillTargets: 'rotate',
    recoverTo: 'end',
    ...over,
  } as Plan
}

/** A ledger on paper: the real lifecycle, no bucket. Counts what would have gone over the bus. */
export class PaperLedger {
  readonly entries = new Map<RunId, LedgerEntry>()
  readonly wishes: RunId[] = []

  all(): LedgerEntry[] {
    return [...this.entries.values()]
  }

  /** @returns whether the lifecycle allows it */
  apply(runId: RunId, event: RunEvent, patch: Partial<LedgerEntry> = {}): boolean {
    const entry = this.entries.get(runId)
    if (entry === undefined) return false
    const state = RUN_LIFECYCLE[entry.state][event]
    if (state === 'refuse') return false
    this.entries.set(runId, { ...entry, ...patch, state })
    return true
  }

  begin(runId: RunId, nowMs: number): boolean {
    const attempt = (this.entries.get(runId)?.attempt ?? 0) + 1
    return this.apply(runId, 'begin', { attempt, beganAt: moment(nowMs) })
  }

  /** What one scheduler does until nothing is left to do. @returns every decision but `wait` */
  settle(plans: readonly Plan[], nowMs: number, aheadMs = 24 * 3_600_000): Decision[] {
    const done: Decision[] = []
    for (let round = 0; round < 50; round += 1) {
      const steps = due({ plans, runs: this.all(), nowMs, aheadMs }).filter((decision) => decision.do !== 'wait')
      const late = overruns(this.all(), nowMs)
      for (const { entry, reason } of late) this.apply(entry.runId, 'exceed', { reason, endedAt: moment(nowMs) })
      if (steps.length === 0 && late.length === 0) return done
      for (const step of steps) this.carryOut(step, nowMs)
      done.push(...steps)
    }
    throw new Error('the decisions never settle')
  }

  private carryOut(step: Decision, nowMs: number): void {
    const { runId, reason } = step
    if (step.do === 'expect') this.entries.set(runId, step.entry)
    else if (step.do === 'withdraw') this.entries.delete(runId)
    else if (step.do === 'wish') {
      this.apply(runId, 'wish', { deadlineAt: moment(step.deadlineMs) })
      this.wishes.push(runId)
    } else if (step.do !== 'wait') this.apply(runId, step.do, { reason, endedAt: moment(nowMs) })
  }
}
