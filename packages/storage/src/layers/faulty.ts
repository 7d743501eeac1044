import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { relay } from '../relay.ts'
import type { Target } from '../target.ts'
import type { Operation } from './metered.ts'
import { locksOf, wrap } from './wrap.ts'

/** One thing that goes wrong. Faults are used up in the order they stand in; a call that none fits goes well. */
export interface Fault {
  on: Operation
  /** Only for this key; default any. */
  key?: Key | RegExp
  /** How many calls it spoils; default 1. */
  times?: number
  does:
    | { fail: ErrorCode }
    /** Nothing happens until the signal fires. */
    | 'hang'
    /** The work is done, but the answer is lost: TARGET_UNREACHABLE. */
    | 'lose-answer'
    /** A put or a get: the connection breaks after so many bytes. */
    | { cutAfter: number }
    /** A put stores, or a get delivers, one bit changed. A put then fails as a store that checks would. */
    | 'flip-bit'
}

/** A target on which exactly what the script says goes wrong; every bug met in the field becomes such a script first. */
export function faulty(inner: Target, script: readonly Fault[]): Target {
  const left = script.map((fault) => ({ ...fault, times: fault.times ?? 1 }))
  const next = (on: Operation, key: Key): Fault['does'] | undefined => {
    const fault = left.find((each) => each.on === on && each.times > 0 && fits(each.key, key))
    if (fault) fault.times--
    return fault?.does
  }
  const spoil = async <T>(on: Operation, key: Key, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    const does = next(on, key)
    await before(does, inner, key, signal)
    const value = await work()
    if (does === 'lose-answer') throw unreachable(inner, key)
    return does === undefined ? value : (spoiltBody(value as Readable, does, inner, key) as T)
  }
  return wrap(inner, {
    put: async (key, body, opts) => {
      const does = next('put', key)
      await before(does, inner, key, opts.signal)
      const receipt = await inner.put(key, () => spoiltBody(body(), does, inner, key), opts)
      if (does === 'lose-answer') throw unreachable(inner, key)
      return receipt
    },
    get: (key, opts) => spoil('get', key, opts.signal, () => inner.get(key, opts)),
    stat: (key, opts) => spoil('stat', key, opts.signal, () => inner.stat(key, opts)),
    remove: (key, opts) => spoil('remove', key, opts.signal, () => inner.remove(key, opts)),
    ...locksOf(
      inner,
      (locks) => (key, until, opts) => spoil('lock', key, opts.signal, () => locks.extend(key, until, opts)),
    ),
    async *list(prefix, opts) {
      await before(next('list', prefix), inner, prefix, opts.signal)
      yield* inner.list(prefix, opts)
    },
  })
}

async function before(does: Fault['does'] | undefined, { id }: Target, key: Key, signal: AbortSignal): Promise<void> {
  if (does === 'hang') {
    if (!signal.aborted) await once(signal, 'abort')
    throw signal.reason
  }
  if (typeof does === 'object' && 'fail' in does) throw new LifeboatError(does.fail, { targetId: id, key })
}

function spoiltBody(body: Readable, does: Fault['does'] | undefined, target: Target, key: Key): Readable {
  if (does === 'flip-bit') return relay(body, { each: flipFirstBit() })
  if (typeof does !== 'object' || !('cutAfter' in does)) return body
  let passed = 0
  return relay(body, {
    each(chunk) {
      passed += chunk.byteLength
      if (passed > does.cutAfter) throw unreachable(target, key)
    },
  })
}

/** In a copy: the chunk may be a view of what the store itself holds. */
function flipFirstBit(): (chunk: Buffer) => Buffer | undefined {
  let done = false
  return (chunk) => {
    if (done) return undefined
    done = true
    const flipped = Buffer.from(chunk)
    flipped[0] = (flipped[0] ?? 0) ^ 1
    return flipped
  }
}

function fits(wanted: Key | RegExp | undefined, key: Key): boolean {
  if (wanted === undefined) return true
  return typeof wanted === 'string' ? wanted === key : wanted.test(key)
}

function unreachable({ id }: Target, key: Key): LifeboatError {
  return new LifeboatError('TARGET_UNREACHABLE', { targetId: id, key })
}
