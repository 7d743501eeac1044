const PIECE_BYTES = 1024 * 1024

/** Gathers text as bytes, in pieces. What a line was put together of is given up at once, and so never outlives a collection of garbage. */
export class TextPieces {
  readonly #full: Buffer[] = []
  #piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
  #filled = 0

  add(text: string): void {
    const atMost = 3 * text.length
    if (atMost > this.#piece.length - this.#filled) this.#seal(Math.max(PIECE_BYTES, atMost))
    this.#filled += this.#piece.write(text, this.#filled)
  }

  /** Those that are full since it was asked before. */
  full(): Buffer[] {
    return this.#full.splice(0)
  }

  /** All that are left, when nothing more comes. */
  rest(): Buffer[] {
    this.#seal(0)
    return this.full()
  }

  #seal(next: number): void {
    this.#full.push(this.#piece.subarray(0, this.#filled))
    this.#piece = Buffer.allocUnsafeSlow(next)
    this.#filled = 0
  }
}
