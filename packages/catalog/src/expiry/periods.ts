import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { KeepRules } from './question.ts'

type Period = 'hourly' | 'daily' | 'weekly' | 'monthly' | 'yearly'
const PERIODS: readonly Period[] = ['hourly', 'daily', 'weekly', 'monthly', 'yearly']
const [HOUR, DAY, WEEK] = [3_600_000, 86_400_000, 7 * 86_400_000]
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY = 4 * DAY

/**
 * What the rules choose, each with the rules that did.
 *
 * @param newestFirst moments in milliseconds, descending
 * @returns by index into `newestFirst`
 */
export function choose(newestFirst: readonly number[], rules: KeepRules): Map<number, string[]> {
  const chosen = new Map<number, string[]>()
  const add = (i: number, reason: string) => {
    const known = chosen.get(i)
    if (known) known.push(reason)
    else chosen.set(i, [reason])
  }
  for (let i = 0; i < Math.min(rules.last ?? 0, newestFirst.length); i += 1) add(i, `last ${i + 1} of ${rules.last}`)
  for (const period of PERIODS) chooseByPeriod(newestFirst, period, rules, add)
  const newest = newestFirst[0]
  if (rules.within === undefined || newest === undefined) return chosen
  for (const [i, ms] of newestFirst.entries()) {
    if (newest - ms > rules.within) break
    add(i, `within ${formatDuration(rules.within)} of the newest`)
  }
  return chosen
}

export function keepsNothing(rules: KeepRules): boolean {
  const counts = [rules.last, rules.within, ...PERIODS.map((period) => rules[period])]
  return counts.every((count) => (count ?? 0) <= 0)
}

/** `last 7, daily 14, monthly 12` */
export function rulesText(rules: KeepRules): string {
  const counts = (['last', ...PERIODS] as const).flatMap((name) =>
    rules[name] === undefined ? [] : [`${name} ${rules[name]}`],
  )
  return [...counts, ...(rules.within === undefined ? [] : [`within ${formatDuration(rules.within)}`])].join(', ')
}

function chooseByPeriod(
  newestFirst: readonly number[],
  period: Period,
  rules: KeepRules,
  add: (i: number, reason: string) => void,
): void {
  let left = rules[period] ?? 0
  let last: number | undefined
  for (let i = 0; i < newestFirst.length && left > 0; i += 1) {
    const ms = newestFirst[i] as number
    const number = periodOf(period, ms, rules.zone)
    if (number === last) continue
    last = number
    left -= 1
    add(i, `${period} ${periodText(period, ms, rules.zone)}`)
  }
}

/** Numbers of one period grow with time; two moments in the same hour, day, … have the same. */
function periodOf(period: Period, ms: number, zone: string): number {
  // The hour that daylight saving repeats is two hours.
  if (period === 'hourly') return Math.floor(ms / HOUR)
  const local = localMs(ms, zone)
  if (period === 'daily') return Math.floor(local / DAY)
  if (period === 'weekly') return Math.floor((local - FIRST_MONDAY) / WEEK)
  const date = new Date(local)
  return period === 'yearly' ? date.getUTCFullYear() : date.getUTCFullYear() * 12 + date.getUTCMonth()
}

function periodText(period: Period, ms: number, zone: string): string {
  if (period === 'hourly') return `${new Date(ms).toISOString().slice(0, 13)}Z`
  const local = localMs(ms, zone)
  if (period === 'weekly')
    return `from ${new Date(Math.floor((local - FIRST_MONDAY) / WEEK) * WEEK + FIRST_MONDAY).toISOString().slice(0, 10)}`
  return new Date(local).toISOString().slice(0, { daily: 10, monthly: 7, yearly: 4 }[period])
}

/** The reading of the wall clock there, as if it were UTC. */
function localMs(ms: number, zone: string): number {
  return zone === 'UTC' ? ms : ms + offsetMs(ms, zone)
}

const QUARTER = 900_000
const MOST_KNOWN = 100_000
const offsets = new Map<string, Map<number, number>>()

/** Zones change their offset at quarters of an hour; asking `Intl` is dear, so each quarter is asked for once. */
function offsetMs(ms: number, zone: string): number {
  const quarter = Math.floor(ms / QUARTER)
  const known = offsets.get(zone) ?? new Map<number, number>()
  offsets.set(zone, known)
  const found = known.get(quarter)
  if (found !== undefined) return found
  if (known.size >= MOST_KNOWN) known.clear()
  const offset = askOffset(quarter * QUARTER, zone)
  known.set(quarter, offset)
  return offset
}

const formats = new Map<string, Intl.DateTimeFormat>()

function askOffset(ms: number, zone: string): number {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  formats.set(zone, format)
  const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]))
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part
  return Date.UTC(year, month - 1, day, hour, minute, second) - ms
}
