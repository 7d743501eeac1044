import { occurrences } from '@lifeboat/config/schedule.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { FleetFacts } from './judge-fleet.ts'
import type { ExpiryStatus } from './status.ts'

/** When expiry last was due and what came of it, and when it is due next. Undefined: it has no schedule and only a person lets go. */
export function judgeExpiry(
  { config, expiryOutcome, expiryWatch }: Pick<FleetFacts, 'config' | 'expiryOutcome' | 'expiryWatch'>,
  nowMs: number,
): ExpiryStatus | undefined {
  const { auto, schedule } = config.expiry
  if (schedule === undefined) return undefined
  const [next] = occurrences(schedule, new Date(nowMs), 1)
  const isWatched = expiryWatch?.schedule === `${schedule.cron} ${schedule.zone}`
  const [due] = isWatched ? occurrences(schedule, new Date(expiryWatch.since), 1) : []
  return {
    auto,
    ...(expiryOutcome && { last: expiryOutcome }),
    ...(next && { nextAt: moment(next.getTime()) }),
    ...(due && due.getTime() <= nowMs && { dueAt: moment(due.getTime()) }),
  }
}
