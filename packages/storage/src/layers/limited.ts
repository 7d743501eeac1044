import { setTimeout as sleep } from 'node:timers/promises'
import { relay } from '../relay.ts'
import type { Target } from '../target.ts'
import { wrap } from './wrap.ts'

/** Bytes become available at a steady rate; what is taken in advance is waited for. */
export interface TokenBucket {
  /** Resolves when `bytes` may pass; callers are served in the order they came. */
  take(bytes: number, signal: AbortSignal): Promise<void>
}

/**
 * @param burstBytes what may pass at once after a rest; default a tenth of a second's worth
 * @param nowMs a clock that never jumps
 */
export function tokenBucket(
  bytesPerSecond: number,
  burstBytes = bytesPerSecond / 10,
  nowMs: () => number = () => performance.now(),
): TokenBucket {
  let available = burstBytes
  let filledAt = nowMs()
  return {
    async take(bytes, signal) {
      const now = nowMs()
      available = Math.min(burstBytes, available + ((now - filledAt) / 1000) * bytesPerSecond) - bytes
      filledAt = now
      if (available < 0)
        await sleep((-available / bytesPerSecond) * 1000, undefined, { signal }).catch(() => signal.throwIfAborted())
    },
  }
}

/** Holds all puts of a target together below one rate, so that backups leave room on the line for the database's users. */
export function limited(inner: Target, { bytesPerSecond }: { bytesPerSecond: number }): Target {
  const bucket = tokenBucket(bytesPerSecond)
  return wrap(inner, {
    put: (key, body, opts) =>
      inner.put(key, () => relay(body(), { each: (chunk) => bucket.take(chunk.byteLength, opts.signal) }), opts),
  })
}
