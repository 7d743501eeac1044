import { occurrences } from '@lifeboat/config/schedule.ts'
import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import type { CalendarPlan } from './plans.ts'

/** A run as the calendar names it; jitter is not counted. */
export interface ComingRun {
  policyId: string
  sourceId: string
  kind: string
  at: Moment
  zone: string
  /** The wall clock there, with its offset: `Sun 2026-10-25 02:30 +02:00`. */
  local: string
}

/** The next runs of all plans, the soonest first. */
export function comingRuns(plans: readonly CalendarPlan[], afterMs: number, limit: number): ComingRun[] {
  const asked = new Map<string, Date[]>()
  const next = ({ cron, zone }: CalendarPlan) => {
    const key = `${cron}|${zone}`
    const found = asked.get(key) ?? occurrences({ cron, zone }, new Date(afterMs), limit)
    asked.set(key, found)
    return found
  }
  return plans
    .flatMap((plan) => next(plan).map((at) => ({ plan, ms: at.getTime() })))
    .sort((a, b) => a.ms - b.ms)
    .slice(0, limit)
    .map(({ plan: { policyId, sourceId, kind, zone }, ms }) => ({
      ...{ policyId, sourceId, kind, at: moment(ms), zone, local: localText(ms, zone) },
    }))
}

const formats = new Map<string, Intl.DateTimeFormat>()

export function localText(ms: number, zone: string): string {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      ...{ timeZone: zone, hourCycle: 'h23', timeZoneName: 'longOffset', weekday: 'short' },
      ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
    })
  formats.set(zone, format)
  const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]))
  const offset = part.timeZoneName?.replace('GMT', '') || '+00:00'
  return `${part.weekday} ${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute} ${offset}`
}
