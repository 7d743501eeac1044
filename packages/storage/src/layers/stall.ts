import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { relay } from '../relay.ts'

/** After an abort, time for the work to tidy up and reject by itself, before it is left alone. */
const TIDY_MS = 1000

export interface StallOptions {
  silenceMs: number
  /** What a silence is called. */
  silent: () => LifeboatError
  /** Of the caller; `Stall.signal` fires with it. */
  signal: AbortSignal
}

/** Notices that the other side went silent: its signal fires when nothing called `restart` for too long. */
export class Stall implements Disposable {
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout
  #ownSide: () => boolean = () => false

  constructor({ silenceMs, silent, signal }: StallOptions) {
    this.signal = AbortSignal.any([signal, this.#controller.signal])
    this.#timer = setTimeout(() => {
      if (this.#ownSide()) this.#timer.refresh()
      else this.#controller.abort(silent())
    }, silenceMs)
  }

  restart(): void {
    this.#timer.refresh()
  }

  /** @param ownSide asked when the time is up: is it we who keep the other side waiting? */
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

/** A download that breaks when its sender goes silent, before the first byte or later; a slow reader is no silence. */
export async function watchedDownload(
  opts: StallOptions,
  open: (signal: AbortSignal) => Promise<Readable>,
): Promise<Readable> {
  const stall = new Stall(opts)
  try {
    const body = await stall.orThrow(open(stall.signal))
    const out = relay(body, { signal: stall.signal, each: () => stall.restart() })
    stall.excuse(() => out.readableLength > 0)
    return out.on('close', () => stall[Symbol.dispose]())
  } catch (thrown) {
    stall[Symbol.dispose]()
    throw thrown
  }
}
