import { addAbortListener } from 'node:events'
import { type Readable, Transform, type TransformCallback } from 'node:stream'

export interface RelayOptions {
  /** Destroys both ends with its reason. */
  signal?: AbortSignal
  /** Looks at each chunk, waits before it, or gives another in its place; a rejection breaks the stream. */
  each?: (chunk: Buffer) => Buffer | undefined | void | Promise<void>
  /** Asked when the source has ended; a throw makes the end an error. */
  atEnd?: () => void
  /** Turns what broke the source into what the reader shall see. */
  translate?: (thrown: unknown) => unknown
}

/**
 * Passes a stream on while looking at it. Breaks promptly from either side even while the source hangs, which `Readable.from` over a
 * generator does not: its destroy waits for the generator.
 *
 * A source that closes without having ended breaks the relay; it never looks like an end.
 */
export function relay(source: Readable, opts: RelayOptions): Readable {
  const { translate = (thrown) => thrown } = opts
  const out = new Transform({
    highWaterMark: 256 * 1024,
    transform(chunk: Buffer, _encoding, pass) {
      settle(() => opts.each?.(chunk), pass, chunk)
    },
    flush(pass) {
      settle(() => opts.atEnd?.(), pass)
    },
    destroy(thrown, done) {
      listening?.[Symbol.dispose]()
      source.destroy()
      done(thrown && asError(opts.signal?.aborted ? opts.signal.reason : translate(thrown)))
    },
  })
  const listening = opts.signal && addAbortListener(opts.signal, () => out.destroy(asError(opts.signal?.reason)))
  // The reader may come to listen only after the break; until then nobody would, and that ends a process.
  out.on('error', () => undefined)
  source.on('error', (err) => out.destroy(err))
  source.once('close', () => {
    if (!source.readableEnded) out.destroy(new Error('the stream closed before its end'))
  })
  source.pipe(out)
  return out
}

function settle(work: () => Buffer | undefined | void | Promise<void>, pass: TransformCallback, chunk?: Buffer): void {
  try {
    const result = work()
    if (result instanceof Promise) result.then(() => pass(null, chunk), pass)
    else pass(null, result ?? chunk)
  } catch (thrown) {
    pass(asError(thrown))
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
