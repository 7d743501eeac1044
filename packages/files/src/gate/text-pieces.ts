const PIECE_BYTES = 1024 * 1024
/** Some lines become bytes at once: to ask for that takes as long as doing it for one. No more of them than that hardly any outlives a collection of garbage. */
const GATHER_LENGTH = 4 * 1024

/** Gathers text as bytes, in pieces. */
export class TextPieces {
  readonly #full: Buffer[] = []
  #piece: Buffer = Buffer.allocUnsafeSlow(PIECE_BYTES)
  #filled = 0
  readonly #spare: Buffer[] = []
  #text = ''

  add(text: string): void {
    this.#text += text
    if (this.#text.length >= GATHER_LENGTH) this.#write()
  }

  #write(): void {
    const text = this.#text
    this.#text = ''
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
    this.#write()
    this.#seal(0)
    return this.full()
  }

  /** A piece that nobody looks at any more: its memory is for the next. */
  giveBack(piece: Buffer): void {
    if (piece.buffer.byteLength === PIECE_BYTES) this.#spare.push(Buffer.from(piece.buffer))
  }

  #seal(next: number): void {
    this.#full.push(this.#piece.subarray(0, this.#filled))
    const spare = next === PIECE_BYTES ? this.#spare.pop() : undefined
    this.#piece = spare ?? Buffer.allocUnsafeSlow(next)
    this.#filled = 0
  }
}
