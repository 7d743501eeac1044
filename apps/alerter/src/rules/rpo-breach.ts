import type { Objectives } from '@lifeboat/shared/domain/objectives.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Judgement, Rule, World } from '../world.ts'
import { minuteOf } from './minute-of.ts'

/** More work would be lost now than the objective of a source allows, judged by what is off-site. */
export const rpoBreach: Rule = (world) => world.objectives.flatMap((objectives) => breach(objectives, world))

function breach(objectives: Objectives, world: World): Judgement[] {
  const { sourceId, promise, rpoMs } = objectives
  const cause = `rpo-breach.${sourceId}`
  if (promise === undefined || (rpoMs !== null && rpoMs <= promise.rpoMs)) return []
  // A source that was set up just now has not had the time to keep its promise.
  if (rpoMs === null && world.nowMs - world.watchingSinceMs < promise.rpoMs) return [{ cause, unknown: true }]
  return [
    {
      cause,
      rule: 'rpo-breach',
      severity: 'critical',
      title: `More of ${sourceId} would be lost now than promised`,
      details: [
        rpoMs === null
          ? `Nothing of it is off-site; the promise is ${formatDuration(promise.rpoMs)} of work`
          : `${formatDuration(rpoMs)} of work would be lost; the promise is ${formatDuration(promise.rpoMs)}`,
        ...whatIsThere(objectives),
        ...walDetails(objectives, world),
      ],
      hint: 'Look at `lifeboat status`: whether backups are taken as often as promised, and whether WAL arrives. `lifeboat wal status` shows what holds it up.',
    },
  ]
}

function whatIsThere({ recoverableUntil, by }: Objectives): string[] {
  if (recoverableUntil === undefined) return []
  return [
    `Recoverable is what was there at ${minuteOf(recoverableUntil)}, by ${by === 'wal' ? 'WAL' : 'the newest stored backup'}`,
  ]
}

/** WAL is kept and yet does not count, or does not arrive. */
function walDetails({ sourceId, by }: Objectives, { wal }: World): string[] {
  const known = wal.find((one) => one.sourceId === sourceId)
  if (known === undefined) return []
  if (by !== 'wal') return ['Its WAL does not count: no stored base leads into it without a hole']
  const { state } = known
  if (state === undefined) return []
  const behind = Object.entries(state.targets).map(([target, { at }]) => `${target} has WAL until ${minuteOf(at)}`)
  return [...behind, ...(state.error ? [`${state.error.code}: ${state.error.title}`] : [])]
}
