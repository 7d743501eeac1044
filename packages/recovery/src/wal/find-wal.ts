import type { Stretch } from '@lifeboat/shared/domain/timelines.ts'
import { parseLsn, type SegmentName, segmentAt, segmentRange, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { ListedWal } from '../plan/coverage.ts'

/** What a recovery may ask the archive for. */
export interface WalSupply {
  listed: readonly ListedWal[]
  path: readonly Stretch[]
  segmentBytes: number
  /** What the backup holds itself, from the beginning of its first segment to the end of its last whole one. */
  own: { start: bigint; end: bigint }
}

/** A part of a segment and where it comes from; the byte `at` of the segment is the first. */
export interface SegmentPart {
  listed: ListedWal
  at: number
  /** First byte of the segment that is not taken from it. */
  until: number
}

/** `parts` are in order and leave nothing out; what is behind the last of them was not written yet. */
export type Found =
  | { kind: 'segment'; parts: SegmentPart[] }
  | { kind: 'history'; listed: ListedWal }
  | { kind: 'none' }

const SEGMENT = /^[0-9A-F]{24}$/
const HISTORY = /^([0-9A-F]{8})\.history$/

/**
 * Decides what the archive has under the name PostgreSQL asks for. `none` ends a recovery, so it is the answer only where the archive ends, or
 * where the backup has the segment itself.
 *
 * @throws LifeboatError WAL_MISSING – not there, but later WAL is · WAL_AMBIGUOUS – two contents for one place
 */
export function findWal(name: string, supply: WalSupply): Found {
  const history = HISTORY.exec(name)?.[1]
  if (history !== undefined) return findHistory(Number.parseInt(history, 16), supply)
  if (!SEGMENT.test(name)) return { kind: 'none' }
  const segment = name as SegmentName
  const range = segmentRange(segment, supply.segmentBytes)
  const parts = partsOf(segment, supply)
  const end = parts.at(-1)?.until ?? 0
  if (end === supply.segmentBytes) return { kind: 'segment', parts }
  if (range.start >= supply.own.start && range.end <= supply.own.end) return { kind: 'none' }
  const later = laterThan(range.start + BigInt(end), supply)
  if (later)
    throw new LifeboatError('WAL_MISSING', {
      segment,
      from: end,
      key: later.key,
      problem: `${segment} is not complete`,
    })
  return parts.length === 0 ? { kind: 'none' } : { kind: 'segment', parts }
}

/** The name PostgreSQL will ask for at a position: of the newest timeline that has it. */
export function nameAt(
  position: bigint,
  { path, listed, segmentBytes }: Pick<WalSupply, 'path' | 'listed' | 'segmentBytes'>,
): SegmentName | undefined {
  const start = position - (position % BigInt(segmentBytes))
  const candidates = path.filter(({ begin }) => begin - (begin % BigInt(segmentBytes)) <= start).toReversed()
  const names = candidates.map(({ timeline }) => segmentAt(timeline, start, segmentBytes))
  return names.find((name) => listed.some(({ object }) => object.kind !== 'history' && object.segment === name))
}

function findHistory(timeline: Timeline, { listed }: WalSupply): Found {
  const found = listed.filter(({ object }) => object.kind === 'history' && object.timeline === timeline)
  demandOne(found)
  return found[0] ? { kind: 'history', listed: found[0] } : { kind: 'none' }
}

/** A whole segment where there is one, else its pieces as far as they follow each other from the first byte on. */
function partsOf(segment: SegmentName, supply: WalSupply): SegmentPart[] {
  const listed = supply.listed.filter(({ object }) => object.kind !== 'history' && object.segment === segment)
  const whole = listed.filter(({ object }) => object.kind === 'segment')
  demandOne(whole)
  if (whole[0]) return [{ listed: whole[0], at: 0, until: supply.segmentBytes }]
  const pieces = listed.flatMap((each) => (each.object.kind === 'piece' ? [{ listed: each, ...each.object }] : []))
  pieces.sort((a, b) => a.from - b.from || b.to - a.to)
  const parts = headOf(segment, pieces[0]?.from ?? 0, supply)
  for (const { listed, from, to } of pieces) {
    const end = parts.at(-1)?.until ?? 0
    if (from > end) break
    if (to > end) parts.push({ listed, at: end, until: to })
  }
  return parts
}

/** What a timeline that began inside this segment repeats of its parent, when its own copy of that was not shipped. */
function headOf(segment: SegmentName, until: number, supply: WalSupply): SegmentPart[] {
  const { timeline, start } = segmentRange(segment, supply.segmentBytes)
  const index = supply.path.findIndex((stretch) => stretch.timeline === timeline)
  const parent = supply.path[index - 1]
  const begin = supply.path[index]?.begin ?? 0n
  if (until === 0 || !parent || begin <= start || begin < start + BigInt(until)) return []
  const parts = partsOf(segmentAt(parent.timeline, start, supply.segmentBytes), supply)
  return parts.filter(({ at }) => at < until).map((part) => ({ ...part, until: Math.min(part.until, until) }))
}

function laterThan(position: bigint, { listed, path, segmentBytes }: WalSupply): ListedWal | undefined {
  return listed.find(({ object }) => {
    if (object.kind === 'history') return false
    const range = segmentRange(object.segment, segmentBytes)
    const stretch = path.find(({ timeline }) => timeline === range.timeline)
    const start = range.start + BigInt(object.kind === 'piece' ? object.from : 0)
    return stretch !== undefined && start > position && (stretch.end === undefined || start < stretch.end)
  })
}

function demandOne(found: readonly ListedWal[]): void {
  const digests = new Set(found.map(({ object }) => object.digest))
  if (digests.size > 1) throw new LifeboatError('WAL_AMBIGUOUS', { keys: found.map(({ key }) => key) })
}

/** What a backup holds of the WAL by itself. */
export function ownWal(physical: { startLsn: string; endLsn: string; segmentBytes: number; fromStandby: boolean }) {
  const segment = BigInt(physical.segmentBytes)
  const [start, end] = [parseLsn(physical.startLsn), parseLsn(physical.endLsn)]
  const whole = physical.fromStandby || end % segment === 0n ? end - (end % segment) : end - (end % segment) + segment
  return { start: start - (start % segment), end: whole }
}
