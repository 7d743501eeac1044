import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

export interface Room {
  readonly used: number
  /**
   * Waits until there is room and takes it; first come, first served. Somebody always fits into an empty room.
   *
   * @throws LifeboatError SPOOL_FULL – nothing left the room for `stalledAfterMs`; the signal's reason
   */
  take(bytes: number, signal: AbortSignal): Promise<void>
  give(bytes: number): void
}

interface Waiting {
  bytes: number
  enter(): void
}

/** The bounded space of the spool: a dump that finds it taken waits until uploaders have carried something away. */
export function room(opts: {
  maxBytes: number
  usedBytes: number
  stalledAfterMs: number
  onWait?: (facts: { usedBytes: number; maxBytes: number }) => void
}): Room {
  let used = opts.usedBytes
  let lastLeft = performance.now()
  const queue: Waiting[] = []

  const fits = (bytes: number) => used === 0 || used + bytes <= opts.maxBytes
  function letIn(): void {
    for (let first = queue[0]; first && fits(first.bytes); first = queue[0]) {
      queue.shift()
      used += first.bytes
      first.enter()
    }
  }
  function wait(bytes: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting = { bytes, enter: resolve }
    const leave = (reason: unknown) => {
      const at = queue.indexOf(waiting)
      if (at < 0) return
      queue.splice(at, 1)
      reject(reason)
      letIn()
    }
    const started = performance.now()
    const abort = () => leave(signal.reason)
    const watch = setInterval(
      () => {
        const stalledMs = Math.round(performance.now() - Math.max(started, lastLeft))
        if (stalledMs < opts.stalledAfterMs) return
        leave(new LifeboatError('SPOOL_FULL', { usedBytes: used, maxBytes: opts.maxBytes, stalledMs }))
      },
      Math.min(1_000, opts.stalledAfterMs),
    )
    signal.addEventListener('abort', abort, { once: true })
    queue.push(waiting)
    opts.onWait?.({ usedBytes: used, maxBytes: opts.maxBytes })
    return promise.finally(() => {
      clearInterval(watch)
      signal.removeEventListener('abort', abort)
    })
  }

  return {
    get used() {
      return used
    },
    async take(bytes, signal) {
      signal.throwIfAborted()
      if (queue.length > 0 || !fits(bytes)) return wait(bytes, signal)
      used += bytes
    },
    give(bytes) {
      if (bytes <= 0) return
      used -= bytes
      lastLeft = performance.now()
      letIn()
    },
  }
}
