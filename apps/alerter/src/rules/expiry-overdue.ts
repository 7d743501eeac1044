import { occurrences } from '@lifeboat/config/schedule.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Rule } from '../world.ts'

/** A scheduler waits a day for what it does not know; then it settles it in any case. */
const OVERDUE_MS = 48 * 3_600_000

/** The expiry that was due came to nothing for long: no scheduler settled it, nobody was told. */
export const expiryOverdue: Rule = ({ expirySchedule, expiryWatch, expiry, watchingSinceMs, nowMs }) => {
  if (expirySchedule === undefined) return []
  const { cron, zone } = expirySchedule
  const isWatched = expiryWatch?.schedule === `${cron} ${zone}`
  const sinceMs = isWatched ? Date.parse(expiryWatch.since) : watchingSinceMs
  const [due] = occurrences(expirySchedule, new Date(sinceMs), 1)
  if (due === undefined || nowMs - due.getTime() < OVERDUE_MS) return []
  const { begun } = expiryWatch ?? {}
  return [
    {
      cause: 'expiry-overdue.all',
      rule: 'expiry-overdue',
      severity: 'warning',
      title: 'The expiry that was due was not carried out',
      details: [
        `It was due at ${moment(due.getTime())}, ${formatDuration(nowMs - due.getTime())} ago`,
        isWatched && begun ? `A scheduler began with it at ${begun.lastAt}` : 'No scheduler has begun with it',
        expiry ? `The last one was settled at ${expiry.at}` : 'None was ever settled',
      ],
      hint: 'Look whether a scheduler runs (`lifeboat status`), then at its log. It is made up as soon as one is back.',
    },
  ]
}
