import { EXPIRY_OUTCOME_KEY } from '@lifeboat/catalog/expiry/buckets.ts'
import { planFromBus } from '@lifeboat/catalog/expiry/gather.ts'
import type { ExpiryPlan } from '@lifeboat/catalog/expiry/plan.ts'
import { wishBack, wishToLetGo, wishToRemove } from '@lifeboat/catalog/expiry/wishes.ts'
import { occurrences } from '@lifeboat/config/schedule.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { SchedulerDeps } from './deps.ts'

export const EXPIRY_LOOK_MS = 60_000
const HOUR_MS = 3_600_000
const BY = 'schedule'

/**
 * Lets go when its time has come, if it may, and carries on what was let go: back where something speaks for it again, removed when it was hidden long
 * enough. Two schedulers that do it at once ask twice for the same.
 */
export class ExpiryRounds {
  readonly #deps: SchedulerDeps
  #lookedMs: number
  #followedMs = Number.NEGATIVE_INFINITY

  constructor(deps: SchedulerDeps) {
    this.#deps = deps
    this.#lookedMs = deps.clock.now()
  }

  async round(): Promise<void> {
    const nowMs = this.#deps.clock.now()
    const due = this.#isDue(nowMs)
    if (!due && Math.abs(nowMs - this.#followedMs) < HOUR_MS) return
    const { bus, catalog, expiry } = this.#deps
    const plan = await planFromBus(bus, catalog, { keeping: expiry.keeping, targets: expiry.targets, nowMs })
    this.#followedMs = nowMs
    this.#lookedMs = nowMs
    const back = await wishBack(this.#deps, plan.returning, BY, nowMs)
    const removed = await wishToRemove(this.#deps, plan.going, BY, nowMs)
    if (back + removed > 0)
      this.#deps.log.info({ event: 'expiry.followed', back, removed }, 'went on with what was let go')
    if (due) await this.#apply(plan, nowMs)
  }

  async #apply(plan: ExpiryPlan, nowMs: number): Promise<void> {
    const { expiry, log } = this.#deps
    const { digest, bytes, excess } = plan
    const going = plan.going.filter(({ marked }) => !marked).length
    const facts = { digest, going, bytes, wal: plan.wal.length }
    const refused = expiry.auto ? excess : []
    await this.#deps.expiryOutcome.put(EXPIRY_OUTCOME_KEY, { at: moment(nowMs), digest, going, refused })
    if (!expiry.auto)
      return log.info({ event: 'expiry.planned', ...facts }, 'planned what may go; `lifeboat expiry apply` lets it go')
    if (excess.length > 0)
      return log.warn({ event: 'expiry.refused', ...facts, excess }, 'more would go than may go without a person')
    await wishToLetGo(this.#deps, plan, { by: BY, undeleteMs: expiry.undeleteMs, nowMs })
    log.info({ event: 'expiry.applied', ...facts }, 'let go what may go')
  }

  /** A schedule that came round while no scheduler ran waits for its next time: letting go is never urgent. */
  #isDue(nowMs: number): boolean {
    const { schedule } = this.#deps.expiry
    if (schedule === undefined || nowMs <= this.#lookedMs) return false
    const [next] = occurrences(schedule, new Date(this.#lookedMs), 1)
    if (next === undefined || next.getTime() > nowMs) {
      return false
    }
    return true
  }
}
