import { LifeboatError } from '../errors/lifeboat-error.ts'
import { parseLsn, type Timeline, type WalState } from './wal.ts'

/** An ancestor of a timeline, and the position at which the next one left it. */
export interface Ancestor {
  timeline: Timeline
  end: bigint
}

/** Ancestors of each timeline, oldest first; the contents of its history file. */
export type Histories = ReadonlyMap<Timeline, readonly Ancestor[]>

/** A part of the way through the WAL that belongs to one timeline: from `begin` up to, not including, `end`. */
export interface Stretch {
  timeline: Timeline
  begin: bigint
  /** undefined: the last one, open-ended. */
  end: bigint | undefined
}

/** The way from the oldest ancestor to a timeline, oldest first. */
export type Path = readonly Stretch[]

const LINE = /^(\d+)\s+([0-9A-F]+\/[0-9A-F]+)(?:\s|$)/i

/**
 * Reads a timeline's history file.
 *
 * @throws LifeboatError WAL_DAMAGED
 * @see https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES – one line per ancestor: number, position, reason
 */
export function parseHistory(timeline: Timeline, text: string): Ancestor[] {
  const lines = text.split('\n').map((line) => line.trim())
  const ancestors = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, id, lsn] = LINE.exec(line) ?? []
      if (id === undefined || lsn === undefined) throw damaged(timeline, line)
      return { timeline: Number(id), end: parseLsn(lsn.toUpperCase()) }
    })
  const ordered = ancestors.every((each, index) => each.timeline < (ancestors[index + 1]?.timeline ?? timeline))
  if (!ordered) throw damaged(timeline, text)
  return withoutDetours(ancestors)
}

/**
 * A server that follows a timeline and reaches its goal before that one begins calls it its ancestor all the same, left before it was entered. It
 * came straight from the one that it was on by then.
 */
function withoutDetours(ancestors: readonly Ancestor[]): Ancestor[] {
  const way: Ancestor[] = []
  for (const each of ancestors) {
    const no = way.findIndex(({ end }) => end > each.end)
    const on = way[no]
    if (on === undefined) way.push(each)
    else way.splice(no, way.length, { ...on, end: each.end })
  }
  return way
}

/** Without ancestors it begins with the timeline itself. */
export function pathTo(timeline: Timeline, ancestors: readonly Ancestor[] = []): Path {
  const begins = [0n, ...ancestors.map(({ end }) => end)]
  return [...ancestors, { timeline, end: undefined }].map((each, index) => ({
    ...each,
    begin: begins[index] as bigint,
  }))
}

/** The way of the present timeline, as an agent told of it; undefined: by one that knew of no ancestors. The first timeline has none. */
export function pathTold({ timeline, ancestors }: Pick<WalState, 'timeline' | 'ancestors'>): Path | undefined {
  if (ancestors === undefined && timeline > 1) return undefined
  return pathTo(
    timeline,
    ancestors?.map((each) => ({ ...each, end: parseLsn(each.end) })),
  )
}

/** Whether a position of a timeline lies on the way: a branch that was left behind it does not lead there. */
export function isOnPath(path: Path, timeline: Timeline, lsn: bigint): boolean {
  const end = endOn(path, timeline)
  return end !== 'off-path' && (end === undefined || lsn <= end)
}

/** Where a position leaves the path: behind it, WAL of that timeline belongs to a branch that was left. undefined: it is the last one. */
export function endOn(path: Path, timeline: Timeline): bigint | 'off-path' | undefined {
  const stretch = path.find((each) => each.timeline === timeline)
  return stretch === undefined ? 'off-path' : stretch.end
}

/** Up to where the way is on timelines that are not newer than this one; undefined: all of it. */
export function reachOf(path: Path, timeline: Timeline): bigint | undefined {
  return path.find((stretch) => stretch.timeline > timeline)?.begin
}

/** The stretch that WAL from `lsn` on is read from. */
export function stretchFrom(path: Path, lsn: bigint): Stretch {
  return path.find(({ end }) => end === undefined || end > lsn) as Stretch
}

/** Up to where two ways are one; undefined: all along. */
export function partingOf(one: Path, other: Path): bigint | undefined {
  for (const [no, { timeline, begin, end }] of one.entries()) {
    const there = other[no]
    if (there?.timeline !== timeline) return begin
    if (there.end !== end) return there.end === undefined || (end !== undefined && end < there.end) ? end : there.end
  }
  return undefined
}

/** The timelines of the path that have a history file: all but the first ever. */
export function withHistory(path: Path): Timeline[] {
  return path.map(({ timeline }) => timeline).filter((timeline) => timeline > 1)
}

function damaged(timeline: Timeline, text: string): LifeboatError {
  return new LifeboatError('WAL_DAMAGED', {
    timeline,
    problem: 'it is no history of a timeline',
    text: text.slice(0, 200),
  })
}
