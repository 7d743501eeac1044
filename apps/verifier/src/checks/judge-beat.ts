import type { RecoverTo } from '@lifeboat/shared/domain/drill.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'

/** The host that writes, and the one that noted when the backup was taken, may differ by this much. */
const CLOCKS_MS = 60_000
/** So many beats in a row may have been missed on a busy server. */
const MISSED_BEATS = 12

export interface BeatQuestion {
  /** The newest in the recovered database; undefined: there is none. */
  found: Moment | undefined
  everyMs: number
  to: RecoverTo | 'end of backup'
  /** When the backup ended. */
  snapshotAt: Moment
  /** Written before the backup began, as its agent says. */
  beforeBackup: Moment | undefined
  /** In the WAL the target confirmed, as the agent says. */
  held: Moment | undefined
}

export interface BeatVerdict {
  answer: 'passed' | 'failed' | 'skipped' | 'unable'
  because: string
}

/**
 * What the newest heartbeat in a recovered database says of the moment it was recovered to. Pure.
 *
 * One the agent is known to have written must be there: without it something is missing at the end. Where nothing is known to have been written so
 * shortly before, WAL proves nothing; a backup that ends with itself needs no such proof, for PostgreSQL does not start before its end.
 */
export function judgeBeat({ found, everyMs, to, snapshotAt, beforeBackup, held }: BeatQuestion): BeatVerdict {
  const atEnd = to === 'end of backup'
  const goal = to === 'latest' ? undefined : atEnd ? snapshotAt : to.time
  const newest = found === undefined ? 'There is no heartbeat' : `The newest heartbeat is of ${found}`
  const least = mustBe({ to, beforeBackup, held })
  if (least !== undefined && (found === undefined || found < least))
    return {
      answer: 'failed',
      because: `${newest}, and its agent had written one at ${least}: what came after is missing.`,
    }
  const slackMs = everyMs * MISSED_BEATS + CLOCKS_MS
  if (found === undefined) {
    // Shortly behind a backup without one the first may still have been to come.
    const isEarly = goal !== undefined && Date.parse(goal) - Date.parse(snapshotAt) <= slackMs
    if (isEarly) return { answer: 'skipped', because: 'The source had written no heartbeat yet at that moment.' }
    return { answer: 'unable', because: 'there is no heartbeat, and nobody knows of one written before that moment' }
  }
  if (goal === undefined)
    return held === undefined
      ? { answer: 'passed', because: `${newest}.` }
      : { answer: 'passed', because: `${newest}; the newest the target is known to hold is of ${held}.` }
  const ageMs = Date.parse(goal) - Date.parse(found)
  if (ageMs < (atEnd ? -CLOCKS_MS : 0))
    return { answer: 'failed', because: `${newest}, later than the moment recovered to, ${goal}.` }
  const age = `${formatDuration(Math.max(0, ageMs))} before the moment recovered to`
  if (ageMs <= slackMs) return { answer: 'passed', because: `${newest}, ${age}.` }
  return atEnd
    ? { answer: 'skipped', because: `${newest}, ${age}: nobody wrote one then, so it proves nothing.` }
    : { answer: 'unable', because: `the newest heartbeat is of ${found}, ${age}, and nobody knows of a later one` }
}

/** The newest that was surely written before the moment recovered to. */
function mustBe({ to, beforeBackup, held }: Pick<BeatQuestion, 'to' | 'beforeBackup' | 'held'>): Moment | undefined {
  const isBefore = to === 'latest' || (to !== 'end of backup' && held !== undefined && held <= to.time)
  return [beforeBackup, isBefore ? held : undefined]
    .filter((each) => each !== undefined)
    .toSorted()
    .at(-1)
}
