import type { Readable } from 'node:stream'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { relay } from '../relay.ts'
import type { Receipt, Target } from '../target.ts'
import { locksOf, wrap } from './wrap.ts'

export type Operation = 'put' | 'get' | 'stat' | 'list' | 'remove' | 'lock'

/** Hears of everything that is said to a target. A get counts as answered when its first byte may be read. */
export interface TargetObserver {
  answered(call: { targetId: TargetId; operation: Operation; outcome: 'ok' | ErrorCode; durationMs: number }): void
  /** Bytes that passed in one body, told when it is closed; also of calls that failed. */
  moved(targetId: TargetId, direction: 'up' | 'down', bytes: number): void
}

export function metered(inner: Target, observer: TargetObserver): Target {
  const { id } = inner
  const timed = async <T>(operation: Operation, work: () => Promise<T>): Promise<T> => {
    const began = performance.now()
    const tell = (outcome: 'ok' | ErrorCode) =>
      observer.answered({ targetId: id, operation, outcome, durationMs: performance.now() - began })
    try {
      const value = await work()
      tell('ok')
      return value
    } catch (thrown) {
      tell(LifeboatError.from(thrown).code)
      throw thrown
    }
  }
  const counted = (body: Readable, direction: 'up' | 'down', signal: AbortSignal) => {
    let bytes = 0
    const out = relay(body, {
      signal,
      each: (chunk) => {
        bytes += chunk.byteLength
      },
    })
    return out.on('close', () => observer.moved(id, direction, bytes))
  }
  return wrap(inner, {
    put: (key, body, opts) => timed('put', () => inner.put(key, () => counted(body(), 'up', opts.signal), opts)),
    get: (key, opts) => timed('get', async () => counted(await inner.get(key, opts), 'down', opts.signal)),
    stat: (key, opts) => timed('stat', () => inner.stat(key, opts)),
    remove: (key, opts) => timed('remove', () => inner.remove(key, opts)),
    ...locksOf(inner, (locks) => (key, until, opts) => timed('lock', () => locks.extend(key, until, opts))),
    list: (prefix, opts) => timedList(inner.list(prefix, opts), timed),
  })
}

/** Only the store's time counts, not what the reader does between two items. */
async function* timedList(
  list: AsyncIterable<Receipt>,
  timed: <T>(operation: Operation, work: () => Promise<T>) => Promise<T>,
): AsyncGenerator<Receipt> {
  const items = list[Symbol.asyncIterator]()
  try {
    const first = await timed('list', () => items.next())
    for (let item = first; !item.done; item = await items.next()) yield item.value
  } finally {
    await items.return?.(undefined)
  }
}
