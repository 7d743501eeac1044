import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { Logger } from '../log/logger.ts'
import type { Handler } from './bus.ts'
import type { MessageType } from './define-message.ts'
import { readMessage } from './envelope.ts'
import { HAND_BACK_MS, type PulledMessage } from './pulled-message.ts'
import { ACK_WAIT_MS } from './streams.ts'
import { withinTrace } from './trace.ts'

export interface DeliveryRules {
  /** Tells the work in progress to end. */
  signal: AbortSignal
  log: Logger
  /** Deliveries before a message that keeps failing becomes a dead letter. */
  maxDeliver: number
  /** Resolves when the dead letter is safe; only then is the message given up. */
  bury: (message: PulledMessage, error: LifeboatError) => Promise<void>
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 300_000

/**
 * Hands one message to its handler and settles it: ack when the handler returned, nak or dead letter by the retry class of what it threw.
 *
 * The one place that logs a failed handler. While the handler works the server is told so three times per ack wait.
 */
export async function deliver<T>(
  message: PulledMessage,
  type: MessageType<T>,
  handle: Handler<T>,
  rules: DeliveryRules,
): Promise<void> {
  const keepAlive = setInterval(() => message.working(), ACK_WAIT_MS / 3)
  try {
    const data = readMessage(type, message.subject, message.data)
    await withinTrace(message.traceparent, () => handle(data, deliveryOf(message, rules)))
  } catch (thrown) {
    await refuse(message, type, LifeboatError.from(thrown), rules)
    return
  } finally {
    clearInterval(keepAlive)
  }
  // The outcome is durable by now: when this ack is lost the message comes again and the handler finds its work done.
  await message.ack().catch((err: unknown) => {
    rules.log.debug({ event: `${type.subject}.ack-lost`, err }, 'the acknowledgement was not confirmed')
  })
}

/** Exponential from one second; an error that knows better says how long at most (`pauseMs`). Spread by a fifth, so that many do not come back at once. */
export function pauseBefore(
  attempt: number,
  err: Pick<LifeboatError, 'retry' | 'pauseMs' | 'firstPauseMs'>,
  random = Math.random(),
): number {
  if (err.retry === 'now') return HAND_BACK_MS
  const pause = Math.min(
    (err.firstPauseMs ?? FIRST_PAUSE_MS) * 2 ** Math.min(attempt - 1, 20),
    err.pauseMs ?? LONGEST_PAUSE_MS,
  )
  return Math.round(pause * (0.8 + 0.4 * random))
}

async function refuse<T>(
  message: PulledMessage,
  type: MessageType<T>,
  err: LifeboatError,
  rules: DeliveryRules,
): Promise<void> {
  const attempt = message.deliveries
  rules.log[err.level]({ event: `${type.subject}.failed`, err, attempt }, 'handler failed')
  const exhausted = attempt >= rules.maxDeliver && err.retry === 'later'
  if (err.retry !== 'never' && !exhausted) return message.nak(pauseBefore(attempt, err))
  try {
    await rules.bury(message, err)
    message.term()
  } catch (cause) {
    rules.log.warn({ event: 'dead-letter.unsaved', err: cause }, 'the dead letter could not be written yet')
    message.nak(FIRST_PAUSE_MS)
  }
}

function deliveryOf(message: PulledMessage, { signal, log }: DeliveryRules) {
  const { traceparent } = message
  return {
    attempt: message.deliveries,
    publishedAt: message.publishedAt,
    signal,
    log,
    ...(traceparent === undefined ? {} : { traceparent }),
  }
}
