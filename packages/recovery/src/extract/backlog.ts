/** One write: large, and on a boundary of the file, or the kernel fills its cache page by page. */
export const WRITE_BYTES = 1024 ** 2
/** So much may wait for the disk before reading pauses. */
const WAITING_BYTES = 16 * WRITE_BYTES
/** Files being written at the same time. */
const OPEN_FILES = 16

/** Writing that goes on beside reading and decompressing, and the memory it holds: buffers go round, as new ones cost more than what is written from them. */
export class Backlog {
  readonly #spare: Buffer[] = []
  readonly #busy = new Set<Promise<void>>()
  #heldBytes = 0
  #failure: { thrown: unknown } | undefined
  #wake: (() => void) | undefined

  /** A buffer of that size, at most WRITE_BYTES. Never waits: `ready` holds the reading back. */
  take(bytes: number): Buffer {
    this.#heldBytes += bytes
    return (bytes === WRITE_BYTES ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes)
  }

  give(buffer: Buffer): void {
    this.#heldBytes -= buffer.length
    if (buffer.length === WRITE_BYTES) this.#spare.push(buffer)
    this.#wake?.()
  }

  /** Something to be waited for at the end. */
  begin(work: Promise<unknown>): void {
    const settled = work
      .then(
        () => {},
        (thrown: unknown) => {
          this.#failure ??= { thrown }
        },
      )
      .finally(() => {
        this.#busy.delete(settled)
        this.#wake?.()
      })
    this.#busy.add(settled)
  }

  /** There is room for more. @throws the first error of the disk */
  ready(): Promise<void> {
    return this.#until(() => this.#heldBytes < WAITING_BYTES && this.#busy.size < OPEN_FILES)
  }

  /** Everything is on its place. @throws the first error of the disk */
  finish(): Promise<void> {
    return this.#until(() => this.#busy.size === 0)
  }

  /** Nothing is written any more, whether it went well or not. */
  async settled(): Promise<void> {
    await Promise.all(this.#busy)
  }

  async #until(enough: () => boolean): Promise<void> {
    while (!enough() && this.#failure === undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    if (this.#failure) throw this.#failure.thrown
  }
}
