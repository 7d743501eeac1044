import type { ExpiryWatch } from '@lifeboat/catalog/expiry/buckets.ts'
import { occurrences } from '@lifeboat/config/schedule.ts'
import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'

const HOUR_MS = 3_600_000
/** Whoever has begun and says nothing for this long is gone, or waits to know more. */
export const AGAIN_AFTER_MS = 10 * 60_000
/** A clock that went back by more begins anew. */
const SKEW_MS = HOUR_MS

export type ExpiryDue =
  | { do: 'nothing' }
  /** From now on the times of the schedule count. */
  | { do: 'watch'; watch: ExpiryWatch }
  /** `watch` is what to write down, before anything is done, by whoever does it. */
  | { do: 'expire'; dueAt: Moment; firstAt: Moment; watch: ExpiryWatch }

/**
 * Whether an expiry is due. One that passed while no scheduler ran is made up once, however many times of the schedule passed; a schedule nobody watched
 * yet, or that was changed, counts from now on.
 */
export function expiryDue(
  known: ExpiryWatch | undefined,
  schedule: { cron: string; zone: string },
  nowMs: number,
): ExpiryDue {
  const now = moment(nowMs)
  const name = `${schedule.cron} ${schedule.zone}`
  const sinceMs = Date.parse(known?.since ?? '')
  if (known?.schedule !== name || sinceMs > nowMs + SKEW_MS)
    return { do: 'watch', watch: { schedule: name, since: now } }
  const { begun } = known
  if (begun !== undefined && Math.abs(nowMs - Date.parse(begun.lastAt)) < AGAIN_AFTER_MS) return { do: 'nothing' }
  const [next] = begun ? [new Date(begun.dueAt)] : occurrences(schedule, new Date(sinceMs), 1)
  if (next === undefined || next.getTime() > nowMs) return { do: 'nothing' }
  const dueAt = moment(next.getTime())
  const firstAt = begun?.firstAt ?? now
  return { do: 'expire', dueAt, firstAt, watch: { ...known, begun: { dueAt, firstAt, lastAt: now } } }
}
