import { pastRuns } from '../run-history.ts'
import { causeOf, type Rule } from '../world.ts'

/** The newest drill with a date of its own did not take place, or did not prove what it was to prove; open until a later one, or the same caught up, succeeds. */
export const drillMissed: Rule = (world) =>
  world.drills.flatMap((drill) => {
    const cause = causeOf('drill-missed', drill)
    const newest = pastRuns(world, drill).at(-1)
    if (newest === undefined || newest.entry.state === 'succeeded') return []
    const { runId, dueAt, state, reason, drills = [], chosenOf } = newest.entry
    const late = !newest.begun && newest.lateMs < world.nowMs
    const over = newest.active && newest.deadlineMs < world.nowMs
    // It is under way, or not late yet: what was said before stays said until then.
    if (GOING_ON.has(state) && !late && !over) return { cause, unknown: true }
    return {
      cause,
      rule: 'drill-missed',
      severity: 'critical',
      title: `The scheduled drill ${drill.policyId} of ${drill.sourceId} has not proven what it was to prove`,
      details: [
        `${runId} was due at ${dueAt}: ${over ? 'its verdicts are overdue' : state}${reason === undefined ? '' : `, ${reason}`}`,
        ...drills.map(
          ({ backupId, targetId }) => `It was about ${backupId} from ${targetId}, chosen out of ${chosenOf}`,
        ),
      ],
      hint: newest.begun
        ? 'Look at the evidence with `lifeboat drill show` of the backups it names, and whether a verifier runs.'
        : 'Look whether a scheduler runs (`lifeboat status`); `lifeboat drill run` rehearses by hand.',
    }
  })

const GOING_ON = new Set(['expected', 'wished', 'running'])
