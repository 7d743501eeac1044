import { pastRuns } from '../run-history.ts'
import { causeOf, type Rule } from '../world.ts'

/** The first attempt and two more: what passes by itself has passed by then. */
const MANY_ATTEMPTS = 3
/** An attempt that has got so far does not fail for the reason of the ones before at once; until then nobody can tell. */
const FAILS_WITHIN_MS = 5 * 60_000

/** A run has not given up but keeps failing: a wrong password should be known within minutes, not when the last attempt is over. */
export const retrying: Rule = (world) =>
  world.plans.flatMap((plan) => {
    const run = pastRuns(world, plan).findLast(({ active, entry }) => active && entry.attempt >= MANY_ATTEMPTS)
    if (run === undefined) return []
    const cause = causeOf('retrying', plan)
    const { runId, attempt, error, state, reason } = run.entry
    if (error === undefined && state === 'running' && world.nowMs - run.beganMs < FAILS_WITHIN_MS)
      return { cause, unknown: true }
    const facts = Object.entries(error?.facts ?? {}).map(([name, value]) => `${name}: ${String(value)}`)
    return {
      cause,
      rule: 'retrying',
      severity: 'warning',
      title: `The backup of ${plan.sourceId} keeps failing and is tried again (policy ${plan.policyId})`,
      details: [
        state === 'running'
          ? `${runId} is in its attempt ${attempt}; the ones before did not end well`
          : `${runId} has failed ${attempt} times and is going to be tried again`,
        ...(error === undefined ? (reason === undefined ? [] : [reason]) : [`${error.code}: ${error.title}`]),
        ...facts,
      ],
      hint: error?.hint ?? 'Look in the agent’s log for the run id.',
    }
  })
