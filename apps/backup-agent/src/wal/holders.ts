import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { endOn, type Path, partingOf, reachOf, stretchFrom } from '@lifeboat/shared/domain/timelines.ts'
import type { Timeline } from '@lifeboat/shared/domain/wal.ts'

export interface Span {
  start: bigint
  /** Excluded. */
  end: bigint
}

interface Held {
  /** Everything up to here is held, as far as it was not let go on purpose. */
  position: bigint
  /** What is held beyond a hole, apart from each other, ascending. */
  beyond: Span[]
  /** Histories it holds. */
  histories: Set<Timeline>
  /** Where its own WAL begins since what came before was let go there. */
  begins: bigint
}

/**
 * Who holds how much of the log without a hole. Pure bookkeeping: the flush position PostgreSQL is told comes from here.
 *
 * A position counts along one path of timelines: WAL that a timeline has beyond the point where the path leaves it does not count, and what
 * lies on a timeline counts at a target only when that target holds the timeline's history as well, for without it recovery does not find it.
 */
export class Holders {
  readonly #required: number
  readonly #held = new Map<TargetId, Held>()
  #path: Path
  /** Timelines entered while we watched: up to `at` a target needs no history of it. */
  #gates: { at: bigint; timeline: Timeline }[]

  /**
   * @param start where each target stands at the beginning
   * @param gates timelines whose history a target must hold before a position beyond counts
   */
  constructor(opts: {
    targets: ReadonlyMap<TargetId, bigint>
    required: number
    path: Path
    gates?: readonly { at: bigint; timeline: Timeline }[]
  }) {
    this.#required = opts.required
    this.#path = opts.path
    this.#gates = [...(opts.gates ?? [])]
    for (const [target, position] of opts.targets)
      this.#held.set(target, { position, beyond: [], histories: new Set(), begins: 0n })
  }

  /** A target holds a part of the log. Told twice, in any order, it comes to the same. */
  stored(target: TargetId, timeline: Timeline, span: Span): void {
    const end = endOn(this.#path, timeline)
    if (end === 'off-path') return
    this.#add(target, end === undefined || span.end <= end ? span : { start: span.start, end })
  }

  storedHistory(target: TargetId, timeline: Timeline): void {
    this.#held.get(target)?.histories.add(timeline)
  }

  /** What can come to nobody any more does not hold anybody up. */
  pass(span: Span): void {
    for (const target of this.#held.keys()) this.#add(target, span)
  }

  /**
   * A target let go of WAL of a timeline and of those before it, up to `before`, since recovery from it needs none of that: where all have, a hole that ends there or
   * earlier holds nobody up. Only who holds WAL from there on comes to it; who holds none stays where it is.
   */
  letGo(target: TargetId, timeline: Timeline, before: bigint): void {
    const own = this.#held.get(target)
    if (own === undefined) return
    own.begins = higher(own.begins, lower(before, reachOf(this.#path, timeline) ?? before))
    for (const held of this.#held.values()) this.#goOn(held)
  }

  /** Where the archive begins: what comes before was let go everywhere, and nobody has to hold it. */
  get #begins(): bigint {
    const [first = 0n, ...others] = [...this.#held.values()].map(({ begins }) => begins)
    return others.reduce(lower, first)
  }

  /**
   * The cluster went over to other timelines since, or it was brought back to where it had been before it went over to ours.
   *
   * @returns false when the present path does not lead over the timeline we were on: what targets hold along it was passed over when it was told
   */
  turn(path: Path): boolean {
    const before = this.#path
    const at = partingOf(before, path)
    this.#path = path
    if (at === undefined) return true
    this.#gates = this.#gates.filter((gate) => gate.at < at)
    this.#gates.push(...gatesAfter(path, stretchFrom(before, at - 1n).timeline))
    for (const held of this.#held.values()) {
      held.position = lower(held.position, at)
      held.begins = lower(held.begins, at)
      held.beyond = held.beyond.map(({ start, end }) => ({ start, end: lower(end, at) })).filter(isSome)
    }
    return endOn(path, before.at(-1)?.timeline ?? 0) !== 'off-path'
  }

  position(target: TargetId): bigint {
    const held = this.#held.get(target)
    if (held === undefined) return 0n
    const gate = this.#gates.find(({ timeline }) => !held.histories.has(timeline))
    return gate === undefined ? held.position : lower(held.position, gate.at)
  }

  /** Where the first hole of a target begins; undefined while nothing is held beyond its position. */
  holeAt(target: TargetId): bigint | undefined {
    const held = this.#held.get(target)
    return held !== undefined && held.beyond.length > 0 ? held.position : undefined
  }

  get targets(): TargetId[] {
    return [...this.#held.keys()]
  }

  /** What as many targets as required hold. */
  get safe(): bigint {
    const positions = this.targets.map((target) => this.position(target)).sort(descending)
    return positions[Math.min(this.#required, positions.length) - 1] ?? 0n
  }

  #add(target: TargetId, span: Span): void {
    const held = this.#held.get(target)
    if (held === undefined || !isSome(span) || span.end <= held.position) return
    held.beyond = merge([...held.beyond, span])
    this.#goOn(held)
  }

  #goOn(held: Held): void {
    const begins = this.#begins
    const isNext = ({ start }: Span) => start <= higher(held.position, begins)
    for (let next = held.beyond[0]; next !== undefined && isNext(next); next = held.beyond[0]) {
      held.beyond.shift()
      held.position = higher(held.position, next.end)
    }
  }
}

/** Each timeline that comes after `timeline`, and where it begins. */
export function gatesAfter(path: Path, timeline: Timeline): { at: bigint; timeline: Timeline }[] {
  const first = path.findIndex((leg) => leg.timeline === timeline)
  return path.flatMap((leg, no) => {
    const before = path[no - 1]?.end
    return no > first && before !== undefined ? [{ at: before, timeline: leg.timeline }] : []
  })
}

function merge(spans: Span[]): Span[] {
  const merged: Span[] = []
  for (const { start, end } of spans.sort((one, other) => (one.start < other.start ? -1 : 1))) {
    const last = merged.at(-1)
    if (last !== undefined && start <= last.end) last.end = higher(end, last.end)
    else merged.push({ start, end })
  }
  return merged
}

function isSome({ start, end }: Span): boolean {
  return end > start
}

export function lower(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}

export function higher(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}

function descending(one: bigint, other: bigint): number {
  return one > other ? -1 : one < other ? 1 : 0
}
