import { Cron } from 'croner'

/**
 * The first moments a schedule names after `after`, without jitter.
 *
 * @throws Error when the expression is none
 */
export function occurrences(schedule: { cron: string; zone?: string | undefined }, after: Date, count: number): Date[] {
  return new Cron(schedule.cron, { timezone: schedule.zone ?? 'UTC', paused: true }).nextRuns(count, after)
}
