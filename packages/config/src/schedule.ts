import { Cron } from 'croner'

/**
 * The first moments a schedule names after `after`, without jitter.
 *
 * @throws Error when the expression is none
 */
export function occurrences(schedule: { cron: string; zone?: string | undefined }, after: Date, count: number): Date[] {
  return new Cron(schedule.cron, { timezone: schedule.zone ?? 'UTC', paused: true }).nextRuns(count, after)
}

/**
 * Every moment a schedule names after `afterMs` and until `untilMs`, milliseconds, without jitter.
 *
 * @throws Error when the expression is none
 */
export function occurrencesUntil(schedule: { cron: string; zone: string }, afterMs: number, untilMs: number): number[] {
  const cron = new Cron(schedule.cron, { timezone: schedule.zone, paused: true })
  const found: number[] = []
  for (
    let next = cron.nextRun(new Date(afterMs));
    next !== null && next.getTime() <= untilMs;
    next = cron.nextRun(next)
  )
    found.push(next.getTime())
  return found
}
