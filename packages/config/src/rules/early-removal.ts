import { Duration, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { leastDays } from '@lifeboat/storage/classes.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import { block, blocks, list, text } from './raw.ts'
import { widestGapMs } from './widest-gap.ts'

const DAY_MS = 86_400_000

const PERIOD_MS: Readonly<Record<string, number>> = {
  ...{ last: 0, hourly: 3_600_000, daily: DAY_MS, weekly: 7 * DAY_MS, monthly: 31 * DAY_MS, yearly: 366 * DAY_MS },
}

/**
 * A class that is paid for longer than anything sent there can stay, by the longest the rules allow: a policy that keeps some of its copies long enough, or
 * whose expiry comes seldom, is left in peace. Only dumps stand alone; what other backups, WAL or later runs need stays longer than its own rules say.
 */
export const earlyRemovalFindings: Rule = (raw, sections) => {
  if (!sections.has('policies') || !sections.has('expiry')) return []
  return blocks(raw, 'policies').flatMap(([id, policy]) =>
    list(policy.targets).flatMap((target): Finding[] => {
      const there = block(block(raw.targets)[text(target) ?? ''])
      const stayMs = longestStayMs(policy, { id: text(target) ?? '', policy: id, config: there }, block(raw.expiry))
      const early = stayMs === undefined ? undefined : (putEarly(there, stayMs) ?? movedEarly(there, stayMs))
      if (stayMs === undefined || early === undefined) return []
      const message = `everything is removed from ${target} after ${formatDuration(stayMs)} at most, and ${early}`
      return [{ severity: 'warning', path: ['policies', id, 'keep'], at: 'key', message, hint: HINT }]
    }),
  )
}

const HINT = 'Keep something longer here, or send this policy to a target whose parts have no such class.'

function putEarly(target: Raw, stayMs: number): string | undefined {
  const name = text(block(target.storageClass).part) ?? ''
  const leastMs = leastDays(name) * DAY_MS
  return stayMs < leastMs ? `${name} is paid for ${formatDuration(leastMs)}` : undefined
}

/** Counted from the day on which dumps are moved; at Google what they lay there before counts as well. What goes before that day is never moved. */
function movedEarly(target: Raw, stayMs: number): string | undefined {
  const { class: given, days } = block(target.transition)
  const [name, after] = [text(given) ?? '', block(days).dump]
  if (typeof after !== 'number' || stayMs <= after * DAY_MS) return undefined
  const leastMs = (leastDays(name) + (target.kind === 'gcs' ? 0 : after)) * DAY_MS
  if (stayMs >= leastMs) return undefined
  return `what moves to ${name} after ${after} d is paid for until it is ${formatDuration(leastMs)} old`
}

/** undefined: nothing is removed by itself there, or nobody can say when. */
function longestStayMs(
  policy: Raw,
  target: { id: string; policy: string; config: Raw },
  expiry: Raw,
): number | undefined {
  const isRemoved = policy.keep !== undefined && target.config.removal !== undefined && expiry.auto === true
  if (!isRemoved || policy.kind !== 'dump') return undefined
  const runsMs = widestGapMs(block(policy.schedule))
  const looksMs = widestGapMs(block(expiry.schedule))
  if (runsMs === undefined || looksMs === undefined) return undefined
  const own = block(policy.keep)
  const rules = block(own.targets)[target.id] === undefined ? own : block(block(own.targets)[target.id])
  const counted = Object.entries(PERIOD_MS).map(([name, periodMs]) => {
    const count = rules[name]
    return typeof count === 'number' ? count * Math.max(periodMs, runsMs) : 0
  })
  const lock = block(target.config.lock)
  const days = block(lock.policies)[target.policy] ?? lock.days
  const lockedMs = typeof days === 'number' ? days * DAY_MS : 0
  const hiddenMs = msOf(expiry.undelete, '7d')
  return (
    Math.max(...counted, msOf(rules.within, '0d') + runsMs, msOf(rules.minAge, '1d'), lockedMs) + looksMs + hiddenMs
  )
}

function msOf(given: unknown, otherwise: string): number {
  return Duration.safeParse(given ?? otherwise).data ?? Number.POSITIVE_INFINITY
}
