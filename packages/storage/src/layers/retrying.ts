import { setTimeout as sleep } from 'node:timers/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Awaiting } from '../lent/awaiting.ts'
import type { Receipt, Target } from '../target.ts'
import { locksOf, wrap } from './wrap.ts'

export interface RetryOptions {
  /** Including the first; default 4. */
  tries?: number
  /** Before the second try; doubles each time and is spread by ±50 %. Default 250 ms. */
  firstDelayMs?: number
  /** Whether to go on behind the last of these tries; default: no. */
  awaiting?: Pick<Awaiting, 'goesOn'> | undefined
}

/** Between tries behind the last. */
const AWAITING_MS = 1_000

/**
 * Tries again, a few times and soon, what a store could not do just now. Waiting for a store that is away for hours is the bus's business.
 *
 * A put that is tried again gets a fresh body, and may find that the first try succeeded after all: the contract makes that a success.
 */
export function retrying(inner: Target, opts: RetryOptions = {}): Target {
  const again = <T>(signal: AbortSignal, work: () => Promise<T>) => tryAgain(work, { ...opts, signal })
  return wrap(inner, {
    put: (key, body, put) => again(put.signal, () => inner.put(key, body, put)),
    get: (key, get) => again(get.signal, () => inner.get(key, get)),
    stat: (key, stat) => again(stat.signal, () => inner.stat(key, stat)),
    remove: (key, remove) => again(remove.signal, () => inner.remove(key, remove)),
    ...locksOf(inner, (locks) => (key, until, extend) => again(extend.signal, () => locks.extend(key, until, extend))),
    list: (prefix, list) => listAgain(inner, prefix, { ...opts, ...list }),
  })
}

/** Begins a broken list anew and skips what was given already: lists are in order. */
async function* listAgain(
  inner: Target,
  prefix: string,
  opts: RetryOptions & { signal: AbortSignal },
): AsyncGenerator<Receipt> {
  let last: Buffer | undefined
  for (let failures = 0; ; ) {
    try {
      for await (const receipt of inner.list(prefix, opts)) {
        const key = Buffer.from(receipt.key)
        if (last !== undefined && Buffer.compare(key, last) <= 0) continue
        yield receipt
        last = key
        failures = 0
      }
      return
    } catch (thrown) {
      await pauseOrThrow(thrown, ++failures, opts)
    }
  }
}

async function tryAgain<T>(work: () => Promise<T>, opts: RetryOptions & { signal: AbortSignal }): Promise<T> {
  for (let failures = 0; ; ) {
    try {
      return await work()
    } catch (thrown) {
      await pauseOrThrow(thrown, ++failures, opts)
    }
  }
}

async function pauseOrThrow(
  thrown: unknown,
  failures: number,
  { tries = 4, firstDelayMs = 250, awaiting, signal }: RetryOptions & { signal: AbortSignal },
): Promise<void> {
  if (!LifeboatError.is(thrown, 'TARGET_UNREACHABLE') || signal.aborted) throw thrown
  const isAwaited = awaiting?.goesOn(thrown) ?? false
  if (failures >= tries && !isAwaited) throw thrown
  const delayMs = failures >= tries ? AWAITING_MS : firstDelayMs * 2 ** (failures - 1) * (0.5 + Math.random())
  await sleep(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted())
}
