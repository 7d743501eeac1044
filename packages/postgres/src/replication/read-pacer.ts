/** Of how much reading a byte speaks that came before the server said it for the first time: what a database shrinks to at the least, so that the first second is rather slow. */
const FIRST_RATIO = 8
/** Unused time that may be made up for: more than a pause of the event loop, less than a disk would feel. */
const MOST_CREDIT_MS = 125

/**
 * Decides how long to leave the socket unread, so that the server reads no more than so many bytes a second. The server tells at most once a second how much
 * it has read; in between, that is reckoned from the bytes that came, by what a byte stood for last.
 *
 * NOTE: the server's own MAX_RATE counts bytes after compression, so it lets a cluster that shrinks to a seventh be read seven times as fast.
 */
export class ReadPacer {
  readonly #bytesPerSecond: number
  #ratio = FIRST_RATIO
  /** When all that was read is paid for. */
  #dueMs: number
  #lookedMs: number
  #sinceTold = { sent: 0, reckoned: 0 }
  #unpaid = 0
  #told = 0

  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerSecond = bytesPerSecond
    this.#dueMs = nowMs
    this.#lookedMs = nowMs
  }

  /** So many bytes of archives came over the wire. */
  sent(bytes: number): void {
    const reckoned = bytes * this.#ratio
    this.#sinceTold.sent += bytes
    this.#sinceTold.reckoned += reckoned
    this.#unpaid += reckoned
  }

  /** The server said that it has read so much since its begin: what was reckoned is put right. */
  told(readBytes: number): void {
    const { sent, reckoned } = this.#sinceTold
    const read = readBytes - this.#told
    this.#unpaid += read - reckoned
    if (sent > 0) this.#ratio = read / sent
    this.#told = readBytes
    this.#sinceTold = { sent: 0, reckoned: 0 }
  }

  /** @returns 0 when reading may go on at once; the time since it was asked last is what the bytes that came since then took */
  restMs(nowMs: number): number {
    this.#dueMs = Math.max(this.#dueMs, this.#lookedMs - MOST_CREDIT_MS) + (this.#unpaid / this.#bytesPerSecond) * 1000
    this.#unpaid = 0
    this.#lookedMs = nowMs
    return Math.max(0, this.#dueMs - nowMs)
  }
}
