import type { ClusterPlace, ClusterWish } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { parseGoal, wholeNumber } from '../recover/read-wish.ts'

export interface PlaceArgs {
  beside?: boolean
  inPlace?: boolean
}

/** What makes a restore one of the whole cluster. */
export interface ClusterArgs extends PlaceArgs {
  until?: string
  timeline?: string
  pause?: boolean
  port?: string
}

/** undefined: it is about the database. @throws LifeboatError CLI_USAGE */
export function placeOf({ beside, inPlace }: PlaceArgs): ClusterPlace | undefined {
  if (beside && inPlace) throw usage('--beside or --in-place: give one of them')
  return beside ? 'beside' : inPlace ? 'in place' : undefined
}

/** undefined: it is about the database. @throws LifeboatError CLI_USAGE | RECOVERY_TIME_UNZONED | RECOVERY_GOAL_UNREADABLE */
export function clusterWishOf(args: ClusterArgs): ClusterWish | undefined {
  const place = placeOf(args)
  const { until, timeline, pause, port } = args
  if (pause && place !== 'in place')
    throw usage('--pause is about a cluster that is to be put in place: say --in-place; --beside stands still as it is')
  if (place === undefined) {
    if (until !== undefined || timeline !== undefined || port !== undefined)
      throw usage('a moment takes the whole cluster, or tables out of it: say --beside, --in-place or --table')
    return undefined
  }
  if (place === 'beside' && port === undefined)
    throw usage('name the port on which the cluster beside is to listen: --port')
  if (pause && port === undefined) throw usage('name the port on which it is to listen until it has its place: --port')
  if (place === 'in place' && !pause && port !== undefined)
    throw usage('in place the server keeps its own port; one that stands still for a look first, --pause, has another')
  const [no, listens] = [wholeNumber(timeline, '--timeline', 0xffff_ffff), wholeNumber(port, '--port', 65_535)]
  return {
    ...{ place, goal: until === undefined ? { to: 'latest' } : parseGoal(until) },
    ...(no !== undefined && { timeline: no }),
    ...(pause && { pause }),
    ...(listens !== undefined && { port: listens }),
  }
}

function usage(problem: string): LifeboatError {
  return new LifeboatError('CLI_USAGE', { problem })
}
