import { EXPIRY_OUTCOME_KEY, EXPIRY_WATCH_KEY } from '@lifeboat/catalog/expiry/buckets.ts'
import { plannerFromBus } from '@lifeboat/catalog/expiry/gather.ts'
import { letGo } from '@lifeboat/catalog/expiry/let-go.ts'
import { PlanSummary } from '@lifeboat/catalog/expiry/plan.ts'
import type { ExpiryPlanner } from '@lifeboat/catalog/expiry/planner.ts'
import { wishBack, wishToRemove } from '@lifeboat/catalog/expiry/wishes.ts'
import { ExpirySettled } from '@lifeboat/shared/bus/messages/expiry.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { SchedulerDeps } from './deps.ts'
import { type ExpiryDue, expiryDue } from './expiry-due.ts'

export const EXPIRY_LOOK_MS = 60_000
const HOUR_MS = 3_600_000
/** So long a due expiry waits for what is not known and may be soon. */
const PATIENCE_MS = 24 * HOUR_MS
const BY = 'schedule'

/** An expiry whose time has come, and that is this scheduler's to do. */
type Claim = Extract<ExpiryDue, { do: 'expire' }> & { revision: number }

/**
 * Lets go when its time has come, if it may, and carries on what was let go: back where something speaks for it again, removed when it was hidden long
 * enough. Of two schedulers one does what is due; what both carry on they ask for twice.
 */
export class ExpiryRounds {
  readonly #deps: SchedulerDeps
  #followedMs = Number.NEGATIVE_INFINITY

  constructor(deps: SchedulerDeps) {
    this.#deps = deps
  }

  async round(): Promise<void> {
    const nowMs = this.#deps.clock.now()
    const claim = await this.#claim(nowMs)
    if (claim === undefined && !this.#isToFollow(nowMs)) return
    const { bus, catalog, expiry } = this.#deps
    const planner = await plannerFromBus(bus, catalog, { keeping: expiry.keeping, targets: expiry.targets, nowMs })
    const waits = claim !== undefined && this.#waits(claim, planner, nowMs)
    if (waits && !this.#isToFollow(nowMs)) return
    const summary = new PlanSummary()
    let [back, removed] = [0, 0]
    for await (const plan of planner.sources()) {
      summary.add(plan)
      back += await wishBack(this.#deps, plan.returning, BY, nowMs)
      removed += await wishToRemove(this.#deps, plan.going, BY, nowMs)
    }
    this.#followedMs = nowMs
    if (back + removed > 0)
      this.#deps.log.info({ event: 'expiry.followed', back, removed }, 'went on with what was let go')
    if (claim && !waits) await this.#settle(claim, planner, summary, nowMs)
  }

  /** What was let go is looked after once an hour. */
  #isToFollow(nowMs: number): boolean {
    return Math.abs(nowMs - this.#followedMs) >= HOUR_MS
  }

  #waits({ dueAt, firstAt }: Claim, { passing }: ExpiryPlanner, nowMs: number): boolean {
    if (passing.length === 0 || nowMs - Date.parse(firstAt) >= PATIENCE_MS) return false
    this.#deps.log.info({ event: 'expiry.waits', dueAt, doubts: passing }, 'the expiry that is due waits to know more')
    return true
  }

  /** Undefined: nothing is due, or another scheduler does it. */
  async #claim(nowMs: number): Promise<Claim | undefined> {
    const { expiry, expiryWatch } = this.#deps
    if (expiry.schedule === undefined) return undefined
    const known = await expiryWatch.get(EXPIRY_WATCH_KEY)
    const due = expiryDue(known?.value, expiry.schedule, nowMs)
    if (due.do === 'nothing') return undefined
    const revision = await (known === undefined
      ? expiryWatch.create(EXPIRY_WATCH_KEY, due.watch)
      : expiryWatch.update(EXPIRY_WATCH_KEY, due.watch, known.revision))
    return due.do === 'watch' || revision === undefined ? undefined : { ...due, revision }
  }

  /** It is settled when everybody was told: whoever dies before leaves it to the next, which asks for the same again. */
  async #settle(claim: Claim, planner: ExpiryPlanner, summary: PlanSummary, nowMs: number): Promise<void> {
    const { bus, expiry, expiryOutcome, expiryWatch, log } = this.#deps
    const { going, bytes, wal, digest, doubts } = summary
    const refused = expiry.auto ? summary.excess : []
    const did = !expiry.auto ? 'planned' : refused.length > 0 ? 'refused' : 'applied'
    const at = moment(nowMs)
    if (did === 'applied') await letGo(this.#deps, planner, summary, { by: BY, undeleteMs: expiry.undeleteMs, nowMs })
    const outcome = { at, dueAt: claim.dueAt, did, digest, going, bytes, wal, refused, doubts } as const
    await expiryOutcome.put(EXPIRY_OUTCOME_KEY, outcome)
    await bus.publish(ExpirySettled, outcome)
    await expiryWatch.update(EXPIRY_WATCH_KEY, { schedule: claim.watch.schedule, since: at }, claim.revision)
    log[did === 'refused' ? 'warn' : 'info']({ event: `expiry.${did}`, ...outcome }, SENTENCE[did])
  }
}

const SENTENCE = {
  planned: 'planned what may go; `lifeboat expiry apply` lets it go',
  refused: 'more would go than may go without a person',
  applied: 'let go what may go',
}
