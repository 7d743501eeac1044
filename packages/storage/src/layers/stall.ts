import { setTimeout as sleep } from 'node:timers/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** After an abort, time for the work to tidy up and reject by itself, before it is left alone. */
const TIDY_MS = 1000

export interface StallOptions {
  targetId: string
  silenceMs: number
  /** Of the caller; `Stall.signal` fires with it. */
  signal: AbortSignal
}

/** Notices that a store went silent: its signal fires TARGET_UNREACHABLE when nothing called `restart` for too long. */
export class Stall implements Disposable {
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout
  #ownSide: () => boolean = () => false

  constructor({ targetId, silenceMs, signal }: StallOptions) {
    this.signal = AbortSignal.any([signal, this.#controller.signal])
    this.#timer = setTimeout(() => {
      if (this.#ownSide()) this.#timer.refresh()
      else this.#controller.abort(new LifeboatError('TARGET_UNREACHABLE', { targetId, silenceMs }))
    }, silenceMs)
  }

  restart(): void {
    this.#timer.refresh()
  }

  /** @param ownSide asked when the time is up: is it we who keep the store waiting? */
  excuse(ownSide: () => boolean): void {
    this.#ownSide = ownSide
  }

  /** Work that cannot be aborted (a system call on a dead mount) is left to itself. */
  async orThrow<T>(work: Promise<T>): Promise<T> {
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const fire = () => void sleep(TIDY_MS, undefined, { ref: false }).then(() => reject(this.signal.reason))
    if (this.signal.aborted) fire()
    this.signal.addEventListener('abort', fire, { once: true })
    try {
      return await Promise.race([work, aborted])
    } finally {
      this.signal.removeEventListener('abort', fire)
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}
