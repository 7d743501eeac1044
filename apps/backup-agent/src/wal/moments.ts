/** Positions settle into marks this far apart; finer is of no use to anybody. */
const APART_MS = 200
const MOST_MARKS = 4096

interface Mark {
  lsn: bigint
  atMs: number
}

/** Up to when is a position known to hold everything? Pure. */
export class Moments {
  /** Ascending in both; the last one moves until it is far enough from the one before. */
  #marks: Mark[] = []
  #apartMs = APART_MS

  /** At `atMs` nothing beyond `lsn` had been written. */
  note(lsn: bigint, atMs: number): void {
    const last = this.#marks.at(-1)
    if (last !== undefined && (lsn < last.lsn || atMs < last.atMs)) return
    if (last?.lsn === lsn) last.atMs = atMs
    else add(this.#marks, { lsn, atMs }, this.#apartMs)
    if (this.#marks.length > MOST_MARKS) this.#coarsen()
  }

  /** Whoever holds the log up to `lsn` holds everything that was written by then. undefined: earlier than anything known here. */
  heldBy(lsn: bigint): number | undefined {
    return this.#marks.findLast((mark) => mark.lsn <= lsn)?.atMs
  }

  /** The newest there is. */
  get newest(): number | undefined {
    return this.#marks.at(-1)?.atMs
  }

  /** Nobody will ask about less any more. */
  forgetBefore(lsn: bigint): void {
    const first = this.#marks.findLastIndex((mark) => mark.lsn <= lsn)
    if (first > 0) this.#marks.splice(0, first)
    if (this.#marks.length < MOST_MARKS / 8) this.#apartMs = APART_MS
  }

  /**
   * The log was cut back to `lsn`: what was known beyond belongs to a branch that was left.
   *
   * @param atMs nothing was written to this branch by then that is beyond `lsn`; undefined: nobody knows
   */
  cutBack(lsn: bigint, atMs?: number): void {
    this.#marks = this.#marks.filter((mark) => mark.lsn <= lsn)
    if (atMs !== undefined) this.note(lsn, atMs)
  }

  /** Nothing that was known counts any more. */
  clear(): void {
    this.#marks = []
  }

  /** With a target away for days the marks become coarser, not more. */
  #coarsen(): void {
    this.#apartMs *= 2
    const marks: Mark[] = []
    for (const mark of this.#marks) add(marks, mark, this.#apartMs)
    this.#marks = marks
    if (marks.length > MOST_MARKS) this.#coarsen()
  }
}

function add(marks: Mark[], mark: Mark, apartMs: number): void {
  const before = marks.at(-2)
  if (before !== undefined && mark.atMs - before.atMs < apartMs) marks[marks.length - 1] = mark
  else marks.push(mark)
}
