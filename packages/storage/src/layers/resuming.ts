import { PassThrough, type Readable } from 'node:stream'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '../target.ts'
import { wrap } from './wrap.ts'

/**
 * Takes up a cut download where it broke, so that a large part survives many resets: no cloud SDK does that.
 *
 * @param opts.triesWithoutProgress how often in a row the store may break off without having sent a byte; default 4
 */
export function resuming(inner: Target, opts: { triesWithoutProgress?: number } = {}): Target {
  return wrap(inner, {
    async get(key, { from = 0, signal }) {
      const first = await inner.get(key, { from, signal })
      return resumed(first, (at) => inner.get(key, { from: at, signal }), { key, from, signal, ...opts })
    },
  })
}

interface Resumption {
  key: Key
  from: number
  signal: AbortSignal
  triesWithoutProgress?: number
}

function resumed(first: Readable, reopen: (at: number) => Promise<Readable>, opts: Resumption): Readable {
  const { signal, triesWithoutProgress = 4 } = opts
  let at = opts.from
  let barren = 0
  let source: Readable | undefined
  const out = new PassThrough({
    highWaterMark: 256 * 1024,
    destroy(thrown, done) {
      source?.destroy()
      done(thrown)
    },
  })
  // The reader may come to listen only after the break.
  out.on('error', () => undefined)

  const follow = (next: Readable) => {
    source = next
    if (out.destroyed) return void next.destroy()
    next.on('data', (chunk: Buffer) => {
      at += chunk.byteLength
      barren = 0
    })
    next.on('error', (err) => {
      next.unpipe(out)
      broke(err)
    })
    next.once('end', () => out.end())
    next.pipe(out, { end: false })
  }
  const broke = (err: unknown): void => {
    if (!LifeboatError.is(err, 'TARGET_UNREACHABLE') || signal.aborted || ++barren >= triesWithoutProgress)
      return void out.destroy(err instanceof Error ? err : new Error(String(err)))
    reopen(at).then(follow, broke)
  }
  follow(first)
  return out
}
