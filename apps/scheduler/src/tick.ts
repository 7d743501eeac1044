import { setImmediate as immediate } from 'node:timers/promises'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { carryOut } from './carry-out.ts'
import { overruns } from './deadlines.ts'
import type { SchedulerDeps } from './deps.ts'
import { tellDeviation, tellRecentDeviations } from './deviations.ts'
import { type Decision, due } from './due.ts'
import { planAhead } from './expectations.ts'
import { inParallel } from './in-parallel.ts'
import { planKey, type TimedPlan } from './plans.ts'
import { Wishes } from './wishes.ts'

/** The ledger holds every run of the next day; written a little further so that it still does before the next writing. */
const AHEAD_MS = 25 * 3_600_000
const PLAN_EVERY_MS = 10 * 60_000
/** A run takes a step per round; more rounds than any run has steps mean that deciding and writing disagree. */
const MOST_ROUNDS = 20

/** One scheduler's heartbeat: `tick` looks at the clock and does what is due; whatever fails is done by the next one. */
export class Ticker {
  readonly #deps: SchedulerDeps
  readonly #wishes: Wishes
  #plannedMs = Number.NEGATIVE_INFINITY
  #told = false

  constructor(deps: SchedulerDeps) {
    this.#deps = deps
    this.#wishes = new Wishes(deps)
  }

  async tick(): Promise<void> {
    const nowMs = this.#deps.clock.now()
    if (!this.#told) await tellRecentDeviations(this.#deps, nowMs)
    this.#told = true
    try {
      await this.#plan(nowMs)
      await this.#settle(nowMs)
      await this.#wishes.repeatLost(this.#deps.view.all())
      await this.#endOverruns(nowMs)
    } catch (err) {
      // What failed may be written down without having been told, and the watch shows it before the next tick asks.
      this.#told = false
      throw err
    }
  }

  /** Also when the clock went back: the runs of the hours that come again may not have been written yet. */
  async #plan(nowMs: number): Promise<void> {
    if (nowMs >= this.#plannedMs && nowMs - this.#plannedMs < PLAN_EVERY_MS) return
    const { view } = this.#deps
    view.tidy()
    const known = view.byPlan()
    for (const plan of this.#plans()) {
      const decisions = planAhead(plan, known.get(planKey(plan)) ?? [], nowMs, AHEAD_MS)
      await this.#do(decisions, nowMs)
      // Ten thousand plans take seconds; the connection must breathe meanwhile.
      await immediate()
    }
    this.#plannedMs = nowMs
  }

  async #settle(nowMs: number): Promise<void> {
    const { view, log } = this.#deps
    const plans = this.#plans()
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const steps = due({ plans, runs: view.all(), nowMs, aheadMs: 0 }).filter((decision) => decision.do !== 'wait')
      if (steps.length === 0) return
      await this.#do(steps, nowMs)
    }
    log.warn({ event: 'tick.unsettled', rounds: MOST_ROUNDS }, 'more is due than one tick settles; the next goes on')
  }

  #plans(): readonly TimedPlan[] {
    return [...this.#deps.plans, ...this.#deps.drillPlans]
  }

  #do(decisions: readonly Decision[], nowMs: number): Promise<void> {
    return inParallel(decisions, 16, (decision) => carryOut(this.#deps, this.#wishes, decision, nowMs))
  }

  async #endOverruns(nowMs: number): Promise<void> {
    const { ledger, view } = this.#deps
    for (const { entry, reason } of overruns(view.all(), nowMs)) {
      const stillOver = (found: LedgerEntry) => Date.parse(found.deadlineAt) < nowMs
      const result = await ledger.apply(entry.runId, 'exceed', { reason, endedAt: moment(nowMs) }, { when: stillOver })
      if (result.outcome === 'unknown') view.drop(entry)
      else view.note(result.entry)
      // `same`: another did it, or the answer to our own try was lost; telling twice is harmless.
      if (result.outcome === 'changed' || result.outcome === 'same')
        await tellDeviation(this.#deps, result.entry, nowMs)
    }
  }
}
