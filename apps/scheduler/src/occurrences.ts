import { createHash } from 'node:crypto'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { Cron } from 'croner'

export interface Schedule {
  /** Five fields, or six with seconds first. */
  cron: string
  /** IANA time zone. */
  zone: string
}

/**
 * The moments a schedule names, by the wall clock of its zone.
 *
 * A local time that does not exist (clock forward) happens once, at the first moment after the gap. A fixed local time that
 * comes twice (clock back) happens once, the first time; a wildcard hour or minute keeps its rhythm in real time.
 *
 * @param afterMs exclusive
 * @param untilMs inclusive
 * @param limit   at most so many, the earliest first
 * @throws LifeboatError CONFIG_INVALID – not a cron expression or not a zone
 */
export function occurrences(schedule: Schedule, afterMs: number, untilMs: number, limit: number): number[] {
  const asked = `${afterMs}/${untilMs}/${limit}`
  const key = `${schedule.cron}|${schedule.zone}`
  const last = answered.get(key)
  if (last?.asked === asked) return last.found
  const found = search(parse(schedule), afterMs, untilMs, limit)
  answered.set(key, { asked, found })
  return found
}

/** The sources of a policy all ask the same question, and the answer costs a tenth of a millisecond per run. */
const answered = new Map<string, { asked: string; found: number[] }>()

function search(cron: Cron, afterMs: number, untilMs: number, limit: number): number[] {
  const found: number[] = []
  let next = cron.nextRun(new Date(afterMs))
  while (next !== null && next.getTime() <= untilMs && found.length < limit) {
    found.push(next.getTime())
    next = cron.nextRun(next)
  }
  return found
}

/**
 * The delay of one run: spread evenly over `jitterMs` by its id, so that every scheduler and every restart finds the same.
 *
 * @returns whole milliseconds in [0, jitterMs)
 */
export function jitterOf(runId: string, jitterMs: number): number {
  const share = createHash('sha256').update(runId).digest().readUIntBE(0, 6) / 2 ** 48
  return Math.floor(share * jitterMs)
}

/** The moment a scheduled run's id names, before jitter; undefined for an operator's run. */
export function nominalMs(runId: string): number | undefined {
  const [, y, mo, d, h, mi, s] = /\.(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(runId) ?? []
  return y === undefined ? undefined : Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))
}

const parsed = new Map<string, Cron>()

function parse({ cron, zone }: Schedule): Cron {
  const key = `${cron}|${zone}`
  const known = parsed.get(key)
  if (known) return known
  try {
    const fresh = new Cron(cron, { timezone: zone, paused: true })
    // An unknown zone only shows when it is used.
    fresh.nextRun(new Date(0))
    parsed.set(key, fresh)
    return fresh
  } catch (cause) {
    throw new LifeboatError('CONFIG_INVALID', { cron, zone, problem: (cause as Error).message }, { cause })
  }
}
