import { parseLsn, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** One timeline on the way to the present one; `end` is the first position that belongs to the next, undefined for the last. */
export interface Leg {
  timeline: Timeline
  end?: bigint
}

/** The way that leads to the present, oldest first. */
export type Path = readonly Leg[]

/**
 * @param history contents of the history file of `timeline`; undefined for the first timeline, which has none
 * @throws LifeboatError SOURCE_PROTOCOL_BROKEN – a line that PostgreSQL would not have written
 */
export function pathTo(timeline: Timeline, history?: Uint8Array): Path {
  const lines = Buffer.from(history ?? [])
    .toString('latin1')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  return [...lines.map(legOf), { timeline }]
}

function legOf(line: string): Leg {
  const [, timeline, end] = /^(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(line) ?? []
  if (timeline === undefined || end === undefined)
    throw new LifeboatError('SOURCE_PROTOCOL_BROKEN', {
      expected: 'a line of a timeline history',
      got: line.slice(0, 80),
    })
  return { timeline: Number(timeline), end: parseLsn(end) }
}

/** Where a position leaves the path: behind it, WAL of that timeline belongs to a branch that was left. undefined: it is the last leg. */
export function endOn(path: Path, timeline: Timeline): bigint | 'off-path' | undefined {
  const leg = path.find((each) => each.timeline === timeline)
  return leg === undefined ? 'off-path' : leg.end
}

/** The leg that WAL from `lsn` on is read from, and where it begins. */
export function legFrom(path: Path, lsn: bigint): { timeline: Timeline; begins: bigint } {
  const no = path.findIndex(({ end }) => end === undefined || end > lsn)
  return { timeline: (path[no] as Leg).timeline, begins: path[no - 1]?.end ?? 0n }
}

/** The timelines of the path that have a history file: all but the first ever. */
export function withHistory(path: Path): Timeline[] {
  return path.map(({ timeline }) => timeline).filter((timeline) => timeline > 1)
}
