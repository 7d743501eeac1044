import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { planAhead } from './expectations.ts'
import { planKey, type TimedPlan } from './plans.ts'
import { isActive, isUnbegun, type RunTimes, timesOf } from './run-times.ts'

/** One thing to do with one run, and why. `wait` changes nothing; it is there for whoever asks. */
export type Decision =
  | { do: 'expect'; runId: RunId; entry: LedgerEntry; reason: string }
  | { do: 'withdraw'; runId: RunId; reason: string }
  | { do: 'wish'; runId: RunId; deadlineMs: number; reason: string }
  | { do: 'skip' | 'miss' | 'wait'; runId: RunId; reason: string }

export interface DueQuestion {
  plans: readonly TimedPlan[]
  /** Every run of the ledger that is not over, and the recent ones that are. */
  runs: readonly LedgerEntry[]
  nowMs: number
  /** How far ahead runs are written down; 0 leaves the planning out, it is the dear part. */
  aheadMs: number
}

/**
 * What is to be done now. Takes each run at most one step; asked again with the outcome it takes the next, until it answers
 * nothing but `wait`: a run missed in one round is caught up in the following one.
 */
export function due({ plans, runs, nowMs, aheadMs }: DueQuestion): Decision[] {
  const groups = Map.groupBy(runs, planKey)
  // Nearly all of a ledger lies ahead; moments compare as text.
  const now = moment(nowMs)
  const decisions = plans.flatMap((plan) => {
    const known = groups.get(planKey(plan)) ?? []
    const ahead = aheadMs === 0 ? [] : planAhead(plan, known, nowMs, aheadMs)
    // What was asked for stays asked for, though a clock that went back says its time is still to come.
    const past = known.filter((entry) => entry.state !== 'expected' || entry.dueAt <= now)
    return [...ahead, ...dueOfPlan(plan, past.map(timesOf), nowMs)]
  })
  return [...decisions, ...orphans(plans, groups, nowMs), ...unheard(runs, nowMs)]
}

/** The rules of one plan for what has come, oldest run first. */
function dueOfPlan(plan: TimedPlan, runs: readonly RunTimes[], nowMs: number): Decision[] {
  const scheduled = runs.filter((run) => run.entry.requestedBy === 'schedule').sort((a, b) => a.dueMs - b.dueMs)
  const open = scheduled.filter(
    (run) => isUnbegun(run.entry) || (run.entry.state === 'missed' && isWanted(plan, run, scheduled, runs)),
  )
  const situation = { plan, runs, open, active: runs.find((run) => isActive(run.entry)), nowMs }
  return open.flatMap((run, at) => decide(situation, run, at) ?? [])
}

interface Situation {
  plan: TimedPlan
  runs: readonly RunTimes[]
  /** Due and begun by nobody, oldest first. */
  open: readonly RunTimes[]
  active: RunTimes | undefined
  nowMs: number
}

function decide(situation: Situation, run: RunTimes, at: number): Decision | undefined {
  const { state } = run.entry
  if (state === 'wished') return decideWished(situation, run, at)
  if (state === 'missed') return catchUp(situation, run, at)
  return decideExpected(situation, run, at)
}

/** On the bus, but no agent has begun it. */
function decideWished({ plan, open, nowMs }: Situation, run: RunTimes, at: number): Decision | undefined {
  const newer = open.slice(at + 1).findLast((other) => other.entry.state !== 'missed')
  if (newer && plan.catchUp !== 'all' && plan.overlap === 'skip')
    return { do: 'skip', runId: run.id, reason: `no agent began it before ${newer.id} was due, which takes its place` }
  if (nowMs > run.deadlineMs)
    return { do: 'miss', runId: run.id, reason: `no agent began it by ${run.entry.deadlineAt}` }
  return undefined
}

/** Written down beforehand, and now its time has come or passed. */
function decideExpected(situation: Situation, run: RunTimes, at: number): Decision {
  const { plan, open, active, nowMs } = situation
  const queued = plan.overlap === 'queue' && wasBehind(situation, run)
  if (active && run.dueMs >= active.beganMs) {
    if (!waitsBehind(plan, active))
      return { do: 'skip', runId: run.id, reason: `${active.id} was still running when it was due` }
    return { do: 'wait', runId: run.id, reason: `waits for ${active.id} to end` }
  }
  if (!queued && nowMs > run.lateMs)
    return { do: 'miss', runId: run.id, reason: `no scheduler started it by ${run.entry.lateAt}` }
  const newest = open.at(-1) ?? run
  if (!queued && newest !== run && plan.catchUp !== 'all')
    return { do: 'miss', runId: run.id, reason: `no scheduler started it before ${newest.id} was due` }
  const before = active ?? olderInLine(situation, at)
  if (before) return { do: 'wait', runId: run.id, reason: `waits for ${before.id}` }
  return wish(situation, run, queued ? 'its turn after the run before it' : 'it is due')
}

function catchUp(situation: Situation, run: RunTimes, at: number): Decision {
  const before = situation.active ?? olderInLine(situation, at)
  if (before) return { do: 'wait', runId: run.id, reason: `is caught up after ${before.id}` }
  return wish(situation, run, `caught up: ${run.entry.reason ?? 'it was missed'}`)
}

/** The first older run that must go before this one. */
function olderInLine({ plan, open }: Situation, at: number): RunTimes | undefined {
  return open.slice(0, at).find((other) => other.entry.state !== 'missed' || plan.catchUp === 'all')
}

function wish({ plan, nowMs }: Situation, run: RunTimes, reason: string): Decision {
  // A run that starts late has its full time from now on.
  const deadlineMs = nowMs > run.lateMs ? nowMs + plan.maxDurationMs + plan.graceMs : run.deadlineMs
  return { do: 'wish', runId: run.id, deadlineMs, reason }
}

/** A missed run is wanted while no later one has begun: `all` wants each, `latest` only the last of all that were due. */
function isWanted(plan: TimedPlan, run: RunTimes, scheduled: readonly RunTimes[], runs: readonly RunTimes[]): boolean {
  if (plan.catchUp === 'none') return false
  const overtakers = plan.catchUp === 'all' ? scheduled : runs
  if (overtakers.some((other) => other.begun && other.dueMs >= run.dueMs)) return false
  return plan.catchUp === 'all' || run === scheduled.at(-1)
}

/** Behind a run that is itself being caught up, a policy that wants all runs waits instead of skipping. */
function waitsBehind(plan: TimedPlan, active: RunTimes): boolean {
  return plan.overlap === 'queue' || (plan.catchUp === 'all' && active.beganMs > active.lateMs)
}

/** Whether another run of the plan was going on when this one was due. */
function wasBehind({ runs }: Situation, run: RunTimes): boolean {
  return runs.some(
    (other) => other !== run && other.begun && other.beganMs <= run.dueMs && (other.endedMs ?? Infinity) > run.dueMs,
  )
}

/** Wishes outside the schedule, an operator's above all: one that no agent took in time is missed like a planned one, and nobody repeats it. */
function unheard(runs: readonly LedgerEntry[], nowMs: number): Decision[] {
  return runs
    .filter((entry) => entry.requestedBy !== 'schedule' && entry.state === 'wished' && isUnbegun(entry))
    .filter((entry) => nowMs > Date.parse(entry.deadlineAt))
    .map(({ runId, deadlineAt }) => ({ do: 'miss', runId, reason: `no agent began it by ${deadlineAt}` }))
}

/** Runs nobody plans any more: what was only expected is withdrawn, what was wished is missed when its time is up. */
function orphans(plans: readonly TimedPlan[], groups: Map<string, LedgerEntry[]>, nowMs: number): Decision[] {
  const planned = new Set(plans.map(planKey))
  const left = [...groups].filter(([key]) => !planned.has(key)).flatMap(([, entries]) => entries.map(timesOf))
  return left.flatMap((run): Decision[] => {
    if (run.entry.requestedBy !== 'schedule' || !isUnbegun(run.entry)) return []
    if (run.entry.state === 'expected')
      return [{ do: 'withdraw', runId: run.id, reason: 'no policy plans this run any more' }]
    if (nowMs <= run.deadlineMs) return []
    return [{ do: 'miss', runId: run.id, reason: `no agent began it by ${run.entry.deadlineAt}` }]
  })
}
