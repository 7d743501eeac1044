import { orAborted } from '@lifeboat/shared/run/or-aborted.ts'

/**
 * Calls to one disk. One that was given up and does not come back (a network mount whose server is gone) holds a thread for as long, and a process has four for all its files and look-ups of names:
 * while there is one, none is begun beside it.
 */
export class LeftCalls {
  readonly #open = new Set<{ signal: AbortSignal; back: Promise<unknown> }>()

  /** Rejects with the reason of the signal when that fires while it waits for others. */
  async begin<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    for (let left = this.#left(); left.length > 0; left = this.#left()) await orAborted(Promise.all(left), signal)
    const call = work()
    this.watch(signal, call)
    return await call
  }

  /** What goes on behind a call that has come back. */
  watch(signal: AbortSignal, work: Promise<unknown>): void {
    const forget = () => void this.#open.delete(call)
    const call = { signal, back: work.then(forget, forget) }
    this.#open.add(call)
  }

  #left(): Promise<unknown>[] {
    return [...this.#open].filter(({ signal }) => signal.aborted).map(({ back }) => back)
  }
}
