import { addAbortListener } from 'node:events'
import { Readable } from 'node:stream'

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

const BUFFERED_BYTES = 64 * 1024

/**
 * Passes a stream on while looking at it. Breaks promptly from either side even while the source hangs, which `Readable.from` over a
 * generator does not: its destroy waits for the generator. Cheaper than a Transform, of which every byte would pass several.
 *
 * A source that closes without having ended breaks the relay; it never looks like an end.
 */
export function relay(source: Readable, opts: RelayOptions): Readable {
  const { each, atEnd, translate = (thrown) => thrown } = opts
  // While a chunk is waited for, its successors and the end wait with it.
  let waiting = false
  let ended = false
  const out = new Readable({
    highWaterMark: BUFFERED_BYTES,
    read() {
      if (!waiting) source.resume()
    },
    destroy(thrown, done) {
      listening?.[Symbol.dispose]()
      source.destroy()
      done(thrown && asError(opts.signal?.aborted ? opts.signal.reason : thrown))
    },
  })
  // Translated before the stream has it: whoever comes later asks the stream what broke it.
  const fail = (thrown: unknown) => void out.destroy(asError(translate(thrown)))
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work()
    } catch (thrown) {
      fail(thrown)
      return undefined
    }
  }
  const pass = (chunk: Buffer) => {
    if (!out.destroyed && !out.push(chunk)) source.pause()
  }
  const end = () => {
    attempt(() => atEnd?.())
    if (!out.destroyed) out.push(null)
  }
  const afterWaiting = (chunk: Buffer) => {
    waiting = false
    if (out.destroyed) return
    if (out.push(chunk)) source.resume()
    if (ended) end()
  }
  const listening = opts.signal && addAbortListener(opts.signal, () => void out.destroy(asError(opts.signal?.reason)))
  // The reader may come to listen only after the break; until then nobody would, and that ends a process.
  out.on('error', () => undefined)
  source.on('error', fail)
  source.on('data', (chunk: Buffer) => {
    const result = attempt(() => each?.(chunk))
    if (!(result instanceof Promise)) return pass(result ?? chunk)
    waiting = true
    source.pause()
    result.then(() => afterWaiting(chunk), fail)
  })
  source.once('end', () => {
    ended = true
    if (!waiting) end()
  })
  source.once('close', () => {
    if (!source.readableEnded) fail(new Error('the stream closed before its end'))
  })
  // Nothing flows before the reader asks for it.
  source.pause()
  // One that broke before anybody came to listen says so no second time.
  if (source.closed && !source.readableEnded) fail(source.errored ?? new Error('the stream closed before its end'))
  return out
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
