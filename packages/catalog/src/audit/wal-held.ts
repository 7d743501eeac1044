import {
  isAbout,
  type LetGoWord,
  parseLsn,
  rangeOf,
  type Timeline,
  timelineOf,
  type WalObject,
} from '@lifeboat/shared/domain/wal.ts'
import { type Span, uncovered, union, within } from '@lifeboat/shared/domain/wal-spans.ts'

/** Stretches of the log by timeline, each a union; and timelines whose history is there. */
export interface HeldWal {
  spans: ReadonlyMap<Timeline, readonly Span[]>
  histories: ReadonlySet<Timeline>
}

export const NOTHING_HELD: HeldWal = { spans: new Map(), histories: new Set() }

/** What is held by what is listed, in the order of the keys or nearly so; neighbours are joined at once, so that a year of WAL takes no room. */
export class ListedWal {
  readonly #spans = new Map<Timeline, Span[]>()
  readonly #histories = new Set<Timeline>()
  readonly #segmentBytes: number

  constructor(segmentBytes: number) {
    this.#segmentBytes = segmentBytes
  }

  add(object: WalObject): void {
    const range = rangeOf(object, this.#segmentBytes)
    if (range === undefined) return void this.#histories.add(timelineOf(object))
    const { timeline, start, end } = range
    const spans = this.#spans.get(timeline) ?? []
    this.#spans.set(timeline, spans)
    const last = spans.at(-1)
    if (last === undefined || start < last.start || start > last.end) spans.push({ start, end })
    else if (end > last.end) last.end = end
  }

  held(): HeldWal {
    return { spans: byTimeline(this.#spans, union), histories: new Set(this.#histories) }
  }
}

export function together(...all: readonly HeldWal[]): HeldWal {
  const timelines = new Set(all.flatMap(({ spans }) => [...spans.keys()]))
  const spans = [...timelines].map(
    (timeline) => [timeline, all.flatMap((one) => one.spans.get(timeline) ?? [])] as const,
  )
  return {
    spans: byTimeline(new Map(spans), union),
    histories: new Set(all.flatMap(({ histories }) => [...histories])),
  }
}

export function without(held: HeldWal, taken: HeldWal): HeldWal {
  const left = new Map(
    [...held.spans].map(([timeline, spans]) => {
      const away = taken.spans.get(timeline) ?? []
      return [timeline, spans.flatMap((span) => uncovered(span, away))]
    }),
  )
  return { spans: byTimeline(left, (spans) => spans), histories: held.histories.difference(taken.histories) }
}

export function common(one: HeldWal, other: HeldWal): HeldWal {
  const both = new Map(
    [...one.spans].map(([timeline, spans]) => {
      const there = other.spans.get(timeline) ?? []
      return [timeline, spans.flatMap((span) => within(span, there))]
    }),
  )
  return { spans: byTimeline(both, union), histories: one.histories.intersection(other.histories) }
}

/** Without what its target let go on purpose: of the timeline its WAL begins on and of older ones, up to there; pieces go within a segment too. */
export function notLetGo(held: HeldWal, word: LetGoWord): HeldWal {
  const end = parseLsn(word.lsn)
  const timelines = [...held.spans.keys()].filter((timeline) => isAbout(word, timeline))
  const gone = new Map(timelines.map((timeline) => [timeline, [{ start: 0n, end }]]))
  return without(held, { spans: gone, histories: new Set() })
}

/** Whether its beginnings are where they were: expiry takes from there, and may be about it. */
export function beginsLike(one: HeldWal, other: HeldWal): boolean {
  const begins = ({ spans }: HeldWal) => [...spans].map(([timeline, [first]]) => `${timeline} ${first?.start}`).join()
  return begins(one) === begins(other)
}

export function isNone({ spans, histories }: HeldWal): boolean {
  return spans.size === 0 && histories.size === 0
}

export function touches(held: HeldWal, object: WalObject, segmentBytes: number): boolean {
  const range = rangeOf(object, segmentBytes)
  if (range === undefined) return held.histories.has(timelineOf(object))
  return within(range, held.spans.get(range.timeline) ?? []).length > 0
}

function byTimeline(
  all: ReadonlyMap<Timeline, readonly Span[]>,
  tidy: (spans: readonly Span[]) => readonly Span[],
): Map<Timeline, readonly Span[]> {
  return new Map(
    [...all]
      .map(([timeline, spans]) => [timeline, tidy(spans)] as const)
      .filter(([, spans]) => spans.length > 0)
      .sort(([a], [b]) => a - b),
  )
}
