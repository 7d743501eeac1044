import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { endOn, type Path, partingOf, reachOf, stretchFrom } from '@lifeboat/shared/domain/timelines.ts'
import type { Timeline } from '@lifeboat/shared/domain/wal.ts'
import { type Span, uncovered, union } from '@lifeboat/shared/domain/wal-spans.ts'

interface Held {
  /** Everything up to here is held, as far as it was not let go on purpose. */
  position: bigint
  /** What is held beyond a hole, apart from each other, ascending. */
  beyond: Span[]
  /** Holes before its position that hold it up no more, apart from each other, ascending: nobody gets from it what lies there. */
  passed: Span[]
  /** Histories it holds. */
  histories: Set<Timeline>
  /** Where its own WAL begins since what came before was let go there. */
  begins: Beginning | undefined
}

/** WAL of a timeline and of those before it that ends here or earlier was let go. */
export interface Beginning {
  timeline: Timeline
  lsn: bigint
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
   * @param targets where each stands at the beginning
   * @param passed holes before that which hold a target up no more
   * @param gates timelines whose history a target must hold before a position beyond counts
   */
  constructor(opts: {
    targets: ReadonlyMap<TargetId, bigint>
    passed?: ReadonlyMap<TargetId, readonly Span[]>
    required: number
    path: Path
    gates?: readonly { at: bigint; timeline: Timeline }[]
  }) {
    this.#required = opts.required
    this.#path = opts.path
    this.#gates = [...(opts.gates ?? [])]
    for (const [target, position] of opts.targets)
      this.#held.set(target, {
        position,
        beyond: [],
        passed: [...(opts.passed?.get(target) ?? [])],
        histories: new Set(),
        begins: undefined,
      })
  }

  /** A target holds a part of the log. Told twice, in any order, it comes to the same. */
  stored(target: TargetId, timeline: Timeline, span: Span): void {
    const end = endOn(this.#path, timeline)
    if (end === 'off-path') return
    this.#add(target, end === undefined || span.end <= end ? span : { start: span.start, end })
  }

  storedHistory(target: TargetId, timeline: Timeline): void {
    this.#held.get(target)?.histories.add(timeline)
    this.#settle()
  }

  /** What can come to nobody any more does not hold anybody up. */
  pass(span: Span): void {
    for (const target of this.#held.keys()) this.#add(target, span)
  }

  /**
   * A target let go of WAL of a timeline and of those before it, up to `before`, since recovery from it needs none of that. Only who holds WAL from there on comes
   * to it; who holds none stays where it is. What was let go of a branch that was left says nothing of the way the cluster went since.
   */
  letGo(target: TargetId, timeline: Timeline, before: bigint): void {
    const own = this.#held.get(target)
    const word = { timeline, lsn: before }
    const isLeft = timeline > (this.#path.at(-1)?.timeline ?? timeline)
    if (own === undefined || isLeft || this.#placeOf(word) <= this.#placeOf(own.begins)) return
    own.begins = word
    this.#settle()
  }

  /** Where a target's own WAL begins, as it told; undefined: it let go of none, as far as anybody heard. */
  beginning(target: TargetId): Beginning | undefined {
    return this.#held.get(target)?.begins
  }

  /** The same as a place of the path. */
  beginsAt(target: TargetId): bigint {
    return this.#placeOf(this.beginning(target))
  }

  /** Holes before the position of a target that nobody gets from it, and that lie behind where its own WAL begins. */
  passed(target: TargetId): Span[] {
    const begins = this.beginsAt(target)
    return this.#held.get(target)?.passed.filter(({ end }) => end > begins) ?? []
  }

  #placeOf(begins: Beginning | undefined): bigint {
    if (begins === undefined) return 0n
    return lower(begins.lsn, reachOf(this.#path, begins.timeline) ?? begins.lsn)
  }

  /**
   * Whether nothing that is waited for lies between where a target stands and what it holds next. It let go of that by itself; or nobody can fill it from another, since
   * each let it go or lacks it as well, and as many as required held it before: what is not safe yet the server still has, and it comes from there.
   */
  #reaches(target: TargetId, { position }: Held, next: bigint): boolean {
    const hole = { start: higher(position, this.beginsAt(target)), end: next }
    if (!isSome(hole)) return true
    const others = this.targets.filter((other) => other !== target)
    return next <= this.safe && !others.some((other) => this.#hasOf(other, hole))
  }

  #hasOf(target: TargetId, { start, end }: Span): boolean {
    const held = this.#held.get(target)
    const wanted = { start: higher(start, this.beginsAt(target)), end }
    if (held === undefined || !isSome(wanted)) return false
    const before = { ...wanted, end: lower(end, held.position) }
    const isBeyond = (span: Span) => span.start < wanted.end && wanted.start < span.end
    return uncovered(before, held.passed).length > 0 || held.beyond.some(isBeyond)
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
    const { timeline } = stretchFrom(before, at - 1n)
    this.#gates.push(...gatesAfter(path, timeline))
    for (const held of this.#held.values()) {
      held.position = lower(held.position, at)
      const { begins } = held
      held.begins = begins && { timeline: Math.min(begins.timeline, timeline), lsn: lower(begins.lsn, at) }
      const cut = ({ start, end }: Span) => ({ start, end: lower(end, at) })
      held.beyond = held.beyond.map(cut).filter(isSome)
      held.passed = held.passed.map(cut).filter(isSome)
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
    held.beyond = union([...held.beyond, span])
    this.#settle()
  }

  /** What one target comes to may let another pass a hole. */
  #settle(): void {
    let before: bigint
    do {
      before = this.safe
      for (const [target, held] of this.#held) this.#goOn(target, held)
    } while (this.safe > before)
  }

  #goOn(target: TargetId, held: Held): void {
    const isNext = ({ start }: Span) => this.#reaches(target, held, start)
    for (let next = held.beyond[0]; next !== undefined && isNext(next); next = held.beyond[0]) {
      held.beyond.shift()
      const hole = { start: held.position, end: next.start }
      if (isSome(hole)) held.passed = union([...held.passed, hole])
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
