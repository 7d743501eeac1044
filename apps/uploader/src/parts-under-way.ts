import type { Key } from '@lifeboat/shared/domain/keys.ts'

/** The parts this process is putting to one target at the moment, so that the copy they belong to need not ask the target by the clock. */
export class PartsUnderWay {
  readonly #puts = new Map<Key, Promise<unknown>>()

  /** Does the work, and counts as under way until it has ended. */
  async during<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const put = work()
    this.#puts.set(key, put)
    try {
      return await put
    } finally {
      if (this.#puts.get(key) === put) this.#puts.delete(key)
    }
  }

  /** As of now: whoever looks at the target afterwards and misses one of these keys can wait for it. */
  now(): ReadonlyMap<Key, Promise<unknown>> {
    return new Map(this.#puts)
  }
}
