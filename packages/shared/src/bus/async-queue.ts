const HIGH_WATER = 1000

/** Joins producers that push to one reader that iterates. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = []
  readonly #over = new AbortController()
  readonly #signal: AbortSignal
  #failure: { reason: unknown } | undefined
  #arrived: (() => void) | undefined
  #taken: (() => void) | undefined

  /** @param signal ends the iteration quietly */
  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Fires when nobody reads any more. */
  get ended(): AbortSignal {
    return this.#over.signal
  }

  push(item: T): void {
    this.#items.push(item)
    this.#arrived?.()
  }

  /** Resolves when the reader has kept up. */
  async room(): Promise<void> {
    while (this.#items.length > HIGH_WATER && !this.ended.aborted && !this.#signal.aborted)
      await new Promise<void>((resolve) => {
        this.#taken = resolve
      })
  }

  /** What was pushed before is still read. */
  end(): void {
    this.#over.abort()
    this.#arrived?.()
    this.#taken?.()
  }

  fail(reason: unknown): void {
    this.#failure = { reason }
    this.end()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    const wake = () => {
      this.#arrived?.()
      this.#taken?.()
    }
    this.#signal.addEventListener('abort', wake, { once: true })
    try {
      while (!this.#signal.aborted) {
        if (this.#items.length > 0) {
          yield this.#items.shift() as T
          this.#taken?.()
        } else if (this.ended.aborted) break
        else
          await new Promise<void>((resolve) => {
            this.#arrived = resolve
          })
      }
    } finally {
      this.#signal.removeEventListener('abort', wake)
    }
    if (this.#failure) throw this.#failure.reason
  }
}
