import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { type PastRun, pastRuns, runInTheWay } from '../run-history.ts'
import { causeOf, type Rule, type WatchedPlan, type World } from '../world.ts'

/**
 * Nothing at all began: a run's time and grace have passed since the last run that began. A run an operator cancelled, and one
 * that gave way to another still running, are not missing.
 */
export const missing: Rule = (world) =>
  world.plans.flatMap((plan) => {
    const runs = pastRuns(world, plan)
    const absent = absentRuns(runs, plan, world.nowMs)
    const [first] = absent
    if (first === undefined) return []
    return {
      cause: causeOf('missing', plan),
      rule: 'missing',
      severity: 'critical',
      title: `No backup of ${plan.sourceId} began (policy ${plan.policyId})`,
      details: details(world, runs, absent, first),
      hint: 'Look whether the agent of this source and the scheduler run (`lifeboat status`), then at the agent’s log.',
    }
  })

function absentRuns(runs: readonly PastRun[], plan: WatchedPlan, nowMs: number): PastRun[] {
  const begunUntil = Math.max(...runs.filter((run) => run.begun).map((run) => run.dueMs), -Infinity)
  return runs.filter(
    (run) =>
      // A wish of an operator counts once its time is up; till then whoever asked is watching.
      (run.entry.requestedBy === 'schedule' || run.entry.state === 'missed') &&
      !run.begun &&
      run.entry.state !== 'cancelled' &&
      run.lateMs < nowMs &&
      run.dueMs > begunUntil &&
      runInTheWay(runs, run, plan.graceMs, nowMs) === undefined,
  )
}

function details(world: World, runs: readonly PastRun[], absent: readonly PastRun[], first: PastRun): string[] {
  const lastBegun = runs.findLast((run) => run.begun)
  const shown = absent.slice(-5).map((run) => {
    const { runId, dueAt, state, reason } = run.entry
    return `${runId} was due at ${dueAt}: ${state}${reason === undefined ? '' : `, ${reason}`}`
  })
  return [
    `Nothing has begun since ${first.entry.dueAt}, ${formatDuration(world.nowMs - first.dueMs)} ago`,
    ...(absent.length > 1 ? [`${absent.length} runs are affected`] : []),
    ...shown,
    lastBegun === undefined
      ? 'No earlier run is known'
      : `The last run that began: ${lastBegun.entry.runId}, ${lastBegun.entry.state}`,
  ]
}
