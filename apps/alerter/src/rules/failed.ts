import { pastRuns, sinceSuccess } from '../run-history.ts'
import { causeOf, type Rule } from '../world.ts'

/** The last attempts of a run failed and it was given up; open until a later run succeeds. */
export const failed: Rule = (world) =>
  world.plans.flatMap((plan) => {
    const given = sinceSuccess(pastRuns(world, plan)).filter((run) => run.entry.state === 'failed')
    const last = given.at(-1)?.entry
    if (last === undefined) return []
    const facts = Object.entries(last.error?.facts ?? {}).map(([name, value]) => `${name}: ${String(value)}`)
    return {
      cause: causeOf('failed', plan),
      rule: 'failed',
      severity: 'critical',
      title: `The backup of ${plan.sourceId} failed (policy ${plan.policyId})`,
      details: [
        `${last.runId} was given up at ${last.endedAt ?? 'an unknown time'} after ${last.attempt} ${last.attempt === 1 ? 'attempt' : 'attempts'}`,
        ...(given.length > 1 ? [`${given.length} runs in a row without a success`] : []),
        last.error === undefined ? (last.reason ?? 'No reason was given') : `${last.error.code}: ${last.error.title}`,
        ...facts,
      ],
      hint: last.error?.hint ?? 'Look in the agent’s log for the run id.',
    }
  })
