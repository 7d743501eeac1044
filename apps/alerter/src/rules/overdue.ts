import { pastRuns, sinceSuccess } from '../run-history.ts'
import { causeOf, type Rule } from '../world.ts'

/** The scheduler cancels within seconds; when it does not, somebody must say so. */
const SCHEDULER_ACTS_WITHIN_MS = 2 * 60_000

/** A run exceeded its time and was cancelled, or should have been; open until a later run succeeds. */
export const overdue: Rule = (world) =>
  world.plans.flatMap((plan) => {
    const over = sinceSuccess(pastRuns(world, plan)).filter(
      (run) => run.entry.state === 'overdue' || (run.active && run.deadlineMs + SCHEDULER_ACTS_WITHIN_MS < world.nowMs),
    )
    const last = over.at(-1)
    if (last === undefined) return []
    const { runId, deadlineAt, state, reason } = last.entry
    return {
      cause: causeOf('overdue', plan),
      rule: 'overdue',
      severity: 'critical',
      title: `The backup of ${plan.sourceId} took too long (policy ${plan.policyId})`,
      details: [
        `${runId} was to end by ${deadlineAt}`,
        state === 'overdue' ? 'It was cancelled' : 'It is still running and nobody has cancelled it',
        ...(reason === undefined ? [] : [reason]),
        ...(over.length > 1 ? [`${over.length} runs in a row without a success`] : []),
      ],
      hint: 'Compare maxDuration of the policy with the last runs in `lifeboat backup list`; look for locks and slow targets.',
    }
  })
