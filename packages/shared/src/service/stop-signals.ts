import { LifeboatError } from '../errors/lifeboat-error.ts'

export interface StopSignals extends Disposable {
  /** The first SIGTERM or SIGINT: take no new work. */
  readonly stopping: AbortSignal
  /** The grace is over, or a second signal came: end what runs. */
  readonly abort: AbortSignal
  /** Stops without a signal from outside, e.g. because the service failed. */
  stop(): void
}

/**
 * Owns SIGTERM and SIGINT of the process.
 *
 * @param graceMs between the first signal and `abort`
 */
export function listenForStop(graceMs: number): StopSignals {
  const stopping = new AbortController()
  const abort = new AbortController()
  let grace: NodeJS.Timeout | undefined
  const end = () => abort.abort(new LifeboatError('SERVICE_STOPPING'))
  const stop = () => {
    if (stopping.signal.aborted) return end()
    stopping.abort(new LifeboatError('SERVICE_STOPPING'))
    grace = setTimeout(end, graceMs)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  return {
    stopping: stopping.signal,
    abort: abort.signal,
    stop,
    [Symbol.dispose]() {
      clearTimeout(grace)
      process.removeListener('SIGTERM', stop)
      process.removeListener('SIGINT', stop)
    },
  }
}
