import { setTimeout as pause } from 'node:timers/promises'
import { JetStreamApiError } from '@nats-io/jetstream'
import { errors } from '@nats-io/nats-core'
import { LifeboatError } from '../errors/lifeboat-error.ts'

const TRY_AGAIN_MS = 250
/** JetStream answers, but is not ready or has no leader; its 500 is a refusal, e.g. of settings. */
export const UNAVAILABLE = 503

class Reconnected extends Error {}
class Impatient extends Error {}

/**
 * Tries a request until the server answers; a restart of NATS then looks like a slow answer.
 *
 * NOTE: an answer may be lost after the server acted, so `request` must bear being made twice (deduplicated, compare-and-set or a read).
 *
 * @param patienceMs how long to go on; afterwards BUS_UNREACHABLE
 * @param onReconnect an answer that was under way when the connection broke never comes, so a reconnect asks again at once
 */
export async function persistently<T>(
  request: () => Promise<T>,
  patienceMs: number,
  onReconnect: (listener: () => void) => () => void,
): Promise<T> {
  const until = performance.now() + patienceMs
  for (;;) {
    const { promise: broken, reject } = Promise.withResolvers<never>()
    const forget = onReconnect(() => reject(new Reconnected()))
    const patience = setTimeout(() => reject(new Impatient()), until - performance.now())
    try {
      return await Promise.race([request(), broken])
    } catch (err) {
      if (!isPassing(err)) throw err
      if (isOver(err) || performance.now() >= until) throw new LifeboatError('BUS_UNREACHABLE', {}, { cause: err })
    } finally {
      forget()
      clearTimeout(patience)
    }
    await pause(TRY_AGAIN_MS)
  }
}

/** True for what a reconnect, a restart or an election of a new leader cures. */
function isPassing(err: unknown): boolean {
  if (err instanceof JetStreamApiError) return err.status === UNAVAILABLE
  if (!(err instanceof Error)) return false
  return (
    err instanceof errors.TimeoutError ||
    err instanceof errors.NoRespondersError ||
    err instanceof errors.RequestError ||
    err instanceof errors.ConnectionError ||
    err.name === 'JetStreamNotEnabled' ||
    err instanceof Reconnected ||
    err instanceof Impatient ||
    isOver(err)
  )
}

function isOver(err: unknown): boolean {
  return (
    err instanceof Impatient ||
    err instanceof errors.ClosedConnectionError ||
    err instanceof errors.DrainingConnectionError
  )
}
