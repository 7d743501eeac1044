import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { pastRuns, runInTheWay } from '../run-history.ts'
import { causeOf, type Rule } from '../world.ts'

/** A run waits past its grace behind another one of its policy, or began only after such a wait: the policy asks for more than fits. */
export const late: Rule = (world) =>
  world.plans.flatMap((plan) => {
    const runs = pastRuns(world, plan)
    const waiting = runs.findLast(
      (run) => (run.entry.state === 'expected' || run.active) && run.lateMs < Math.min(run.beganMs, world.nowMs),
    )
    const inTheWay = waiting && runInTheWay(runs, waiting, Infinity, world.nowMs)
    if (waiting === undefined || inTheWay === undefined || waiting.entry.attempt > 1) return []
    const { runId, dueAt } = waiting.entry
    return {
      cause: causeOf('late', plan),
      rule: 'late',
      severity: 'warning',
      title: `The backup of ${plan.sourceId} is late (policy ${plan.policyId})`,
      details: [
        `${runId} was due at ${dueAt}, ${formatDuration(world.nowMs - waiting.dueMs)} ago`,
        waiting.begun ? `It began at ${waiting.entry.beganAt}` : 'It has not begun',
        `${inTheWay.entry.runId} was still running when it was due`,
      ],
      hint: 'Backups take longer than the schedule allows: look at their durations in `lifeboat backup list`.',
    }
  })
