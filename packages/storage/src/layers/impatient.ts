import type { Readable } from 'node:stream'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { relay } from '../relay.ts'
import type { Receipt, Target } from '../target.ts'
import { Stall, type StallOptions, watchedDownload } from './stall.ts'
import { locksOf, wrap } from './wrap.ts'

/**
 * Gives up on a store that says and takes nothing for `silenceMs`: TARGET_UNREACHABLE instead of a wait without end (a half-open
 * connection, a dead network mount). Time spent waiting for our own side – a slow body, a slow reader – does not count.
 */
export function impatient(inner: Target, { silenceMs }: { silenceMs: number }): Target {
  const silent = () => new LifeboatError('TARGET_UNREACHABLE', { targetId: inner.id, silenceMs })
  const about = (signal: AbortSignal): StallOptions => ({ silenceMs, silent, signal })
  const tryOut = inner.tryOut?.bind(inner)
  return wrap(inner, {
    put: (key, body, opts) =>
      watched(about(opts.signal), (stall) =>
        inner.put(key, () => watchedBody(body(), stall), { ...opts, signal: stall.signal }),
      ),
    get: (key, opts) => watchedDownload(about(opts.signal), (signal) => inner.get(key, { ...opts, signal })),
    stat: (key, opts) => watched(about(opts.signal), ({ signal }) => inner.stat(key, { ...opts, signal })),
    ...(tryOut && { tryOut: (opts) => watched(about(opts.signal), ({ signal }) => tryOut({ signal })) }),
    remove: (key, opts) => watched(about(opts.signal), ({ signal }) => inner.remove(key, { ...opts, signal })),
    ...locksOf(
      inner,
      (locks) => (key, until, opts) =>
        watched(about(opts.signal), ({ signal }) => locks.extend(key, until, { ...opts, signal })),
    ),
    list: (prefix, opts) => watchedList(about(opts.signal), (signal) => inner.list(prefix, { signal })),
  })
}

async function watched<T>(opts: StallOptions, work: (stall: Stall) => Promise<T>): Promise<T> {
  using stall = new Stall(opts)
  return await stall.orThrow(work(stall))
}

/** The store is excused while it has taken every byte there is and more are to come. */
function watchedBody(body: Readable, stall: Stall): Readable {
  let ended = false
  const out = relay(body, {
    each: () => stall.restart(),
    atEnd: () => {
      ended = true
      stall.restart()
    },
  })
  stall.excuse(() => !ended && out.readableLength === 0)
  return out
}

async function* watchedList(
  opts: StallOptions,
  list: (signal: AbortSignal) => AsyncIterable<Receipt>,
): AsyncGenerator<Receipt> {
  let withReader = false
  using stall = new Stall(opts)
  stall.excuse(() => withReader)
  const items = list(stall.signal)[Symbol.asyncIterator]()
  try {
    for (;;) {
      stall.restart()
      const item = await stall.orThrow(items.next())
      if (item.done) return
      withReader = true
      yield item.value
      withReader = false
    }
  } finally {
    // A list that hangs cannot be waited for.
    items.return?.(undefined)?.catch(() => undefined)
  }
}
