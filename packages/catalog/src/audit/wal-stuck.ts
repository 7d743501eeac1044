import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import { isOnPath, type Path } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, parseWalKey, rangeOf } from '@lifeboat/shared/domain/wal.ts'
import { leadsBehind } from '../wal-record.ts'
import type { WalDamage, WalStuck } from './buckets.ts'

const DAY_MS = 86_400_000
const LONGEST_DAYS = 7

/** Why an object of WAL cannot be put anew. */
export interface Obstacle {
  reason: WalStuck['reason']
  why: string
  /** Of what the store holds: until when. */
  until?: Moment | undefined
}

/** The mark of one more try that came to nothing: looked at again after a day, two, four, up to a week; when its lock ends if that is sooner. */
export function stuckBy({ reason, why, until }: Obstacle, before: WalStuck | undefined, nowMs: number): WalStuck {
  const tries = before?.reason === reason ? before.tries + 1 : 1
  const backOffMs = nowMs + Math.min(2 ** (tries - 1), LONGEST_DAYS) * DAY_MS
  const untilMs = until === undefined ? Number.NaN : Date.parse(until)
  return { reason, why, tries, again: moment(untilMs > nowMs ? Math.min(untilMs, backOffMs) : backOffMs) }
}

/**
 * Whether nobody can mend it and a base leads past it: only older moments are out of reach then, and there is nothing to be done. Past what lies on the way of the
 * present timeline leads none that ended on a branch that was left.
 *
 * @param bases where bases ended that lie at the same target
 */
export function isGivenUp(
  { key, stuck }: Pick<WalDamage, 'key' | 'stuck'>,
  bases: readonly { timeline: number; lsn: bigint }[],
  { segmentBytes, way }: { segmentBytes: number; way: Path | undefined },
): boolean {
  const object = parseWalKey(key)
  const range = object && rangeOf(object, segmentBytes)
  if (object === undefined || range === undefined || stuck?.reason !== 'nowhere') return false
  const hole = { to: formatLsn(range.end) }
  const past = way !== undefined && isOnPath(way, range.timeline, range.start) ? way : undefined
  return bases.some(
    ({ timeline, lsn }) => timeline >= range.timeline && leadsBehind({ timeline, endLsn: formatLsn(lsn) }, hole, past),
  )
}

/** What an operator is to do about damaged WAL. */
export function nextStep({ targetId, sourceId, stuck }: Pick<WalDamage, 'targetId' | 'sourceId' | 'stuck'>): string {
  const look = `\`lifeboat target audit ${targetId} --all\` looks at once`
  switch (stuck?.reason) {
    case undefined:
      return 'It is put anew from another target by itself.'
    case 'no-removal':
      return `What lies there cannot be written over: give ${targetId} a \`removal\` (docs/retention.md), or remove it there yourself; then it is put anew. ${look}.`
    case 'locked':
      return `What lies there cannot be written over while the store holds it; it is put anew by itself when the lock ends. Recover from another target until then.`
    case 'nowhere':
      return `No other target has it whole, so recovery ends before it: \`lifeboat backup now\` takes a base of ${sourceId} that leads past it. If you have it elsewhere, put it there under its key; ${look}.`
  }
}
