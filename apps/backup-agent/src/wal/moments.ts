/** Positions settle into marks this far apart; finer is of no use to anybody. */
const APART_MS = 200
const MOST_MARKS = 4096

/** Up to when is a position known to hold everything? Pure. */
export class Moments {
  /** Ascending in both. */
  #marks: { lsn: bigint; atMs: number }[] = []

  /** At `atMs` nothing beyond `lsn` had been written. */
  note(lsn: bigint, atMs: number): void {
    const last = this.#marks.at(-1)
    if (last !== undefined && (lsn < last.lsn || atMs < last.atMs)) return
    if (last?.lsn === lsn) last.atMs = atMs
    else if (atMs - (this.#marks.at(-2)?.atMs ?? Number.NEGATIVE_INFINITY) < APART_MS)
      this.#marks[this.#marks.length - 1] = { lsn, atMs }
    else this.#marks.push({ lsn, atMs })
    // With a target away for days the marks become coarser, not more.
    if (this.#marks.length > MOST_MARKS)
      this.#marks = this.#marks.filter((_, no, all) => no % 2 === 0 || no === all.length - 1)
  }

  /** Whoever holds the log up to `lsn` holds everything that was written by then. undefined: earlier than anything known here. */
  heldBy(lsn: bigint): number | undefined {
    return this.#marks.findLast((mark) => mark.lsn <= lsn)?.atMs
  }

  /** Nobody will ask about less any more. */
  forgetBefore(lsn: bigint): void {
    const first = this.#marks.findLastIndex((mark) => mark.lsn <= lsn)
    if (first > 0) this.#marks.splice(0, first)
  }

  /** The log was cut back to `lsn`: what was known beyond belongs to a branch that was left. */
  cutBack(lsn: bigint): void {
    this.#marks = this.#marks.filter((mark) => mark.lsn <= lsn)
  }
}
