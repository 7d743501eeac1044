import { createHash } from 'node:crypto'
import type { Candidate, ExpiryDecision, ExpiryQuestion } from '@lifeboat/catalog/expiry/question.ts'
import { occurrencesUntil } from '@lifeboat/config/schedule.ts'
import { type BackupId, type Moment, moment, type PolicyId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { compactTime } from '@lifeboat/shared/time/clock.ts'
import type { CalendarPlan } from './plans.ts'

/** What one plan would do, and what of it would be left at the end. */
export interface PlanForecast {
  policyId: string
  sourceId: string
  kind: string
  cron: string
  zone: string
  runs: number
  first?: Moment
  last?: Moment
  /** By target; all of them where the policy has no rules. */
  kept: Record<string, { backups: number; oldest?: Moment }>
}

export interface SimulateQuestion {
  plans: readonly CalendarPlan[]
  fromMs: number
  untilMs: number
  rulesOf: ExpiryQuestion['rulesOf']
  /** `decideExpiry`, or whatever satisfies it. */
  decide: (question: ExpiryQuestion) => ExpiryDecision
}

/**
 * The calendar played through as if every run succeeded, found something new and was proven at every target, and the same rules that let backups go asked
 * once at the end. Pure: nothing is read but the configuration.
 *
 * One source at a time, so memory is that of its own runs; sources of one policy share the work of the calendar.
 */
export function* simulate({ plans, fromMs, untilMs, rulesOf, decide }: SimulateQuestion): Generator<PlanForecast> {
  const calendar = new Calendar(fromMs, untilMs)
  for (const [sourceId, own] of Map.groupBy(plans, ({ sourceId }) => sourceId)) {
    const runs = own.map((plan) => ({ plan, moments: calendar.of(plan) }))
    const backups = runs.flatMap(({ plan, moments }) => (plan.targets.length === 0 ? [] : backupsOf(plan, moments)))
    const decision = decide({ sourceId: sourceId as SourceId, rulesOf, backups, holds: [], nowMs: untilMs, doubts: [] })
    const kept = keptByPlan(decision)
    for (const { plan, moments } of runs) yield forecastOf(plan, moments, kept)
  }
}

function forecastOf(plan: CalendarPlan, moments: readonly number[], kept: Map<string, Kept>): PlanForecast {
  const { policyId, sourceId, kind, cron, zone, targets } = plan
  const [first, last] = [moments[0], moments.at(-1)]
  return {
    ...{ policyId, sourceId, kind, cron, zone, runs: moments.length },
    ...(first !== undefined && last !== undefined && { first: moment(first), last: moment(last) }),
    kept: Object.fromEntries(
      targets.map((target) => {
        const { backups = 0, oldestMs } = kept.get(`${policyId}|${target}`) ?? {}
        return [target, { backups, ...(oldestMs !== undefined && { oldest: moment(oldestMs) }) }]
      }),
    ),
  }
}

interface Kept {
  backups: number
  oldestMs: number
}

function keptByPlan({ copies }: ExpiryDecision): Map<string, Kept> {
  const kept = new Map<string, Kept>()
  for (const { policyId, targetId, atMs, do: verdict } of copies) {
    if (verdict !== 'keep') continue
    const key = `${policyId}|${targetId}`
    const { backups = 0, oldestMs = atMs } = kept.get(key) ?? {}
    kept.set(key, { backups: backups + 1, oldestMs: Math.min(oldestMs, atMs) })
  }
  return kept
}

function backupsOf(plan: CalendarPlan, moments: readonly number[]): Candidate[] {
  const tail = createHash('sha256').update(plan.policyId).digest('hex').slice(0, 6)
  const copies = plan.targets.map((targetId) => ({ targetId, state: 'there' as const, proven: true }))
  let before: BackupId | undefined
  return moments.map((atMs, nth) => {
    const backupId = `${compactTime(atMs)}-${plan.kind}-${tail}` as BackupId
    const isFull = before === undefined || nth % (plan.maxChain + 1) === 0
    const needs = isFull ? [] : [before as BackupId]
    before = backupId
    return {
      backupId,
      policyId: plan.policyId as PolicyId,
      kind: plan.kind,
      sealed: true,
      atMs,
      bytes: 0,
      needs,
      copies,
    }
  })
}

/** Sources of a policy ask the same; the last answer is kept, so that memory does not grow with the policies. */
class Calendar {
  readonly #fromMs: number
  readonly #untilMs: number
  readonly #known = new Map<string, number[]>()

  constructor(fromMs: number, untilMs: number) {
    this.#fromMs = fromMs
    this.#untilMs = untilMs
  }

  of({ cron, zone }: CalendarPlan): readonly number[] {
    const key = `${cron}|${zone}`
    const known = this.#known.get(key)
    if (known) return known
    const found = occurrencesUntil({ cron, zone }, this.#fromMs, this.#untilMs)
    if (this.#known.size >= MOST_CALENDARS) this.#known.clear()
    this.#known.set(key, found)
    return found
  }
}

const MOST_CALENDARS = 16
