import { setTimeout as pause } from 'node:timers/promises'
import { errors, type Msg, millis, type NatsConnection } from '@nats-io/nats-core'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { NatsLink } from './link.ts'

/** One delivery as it came over the wire, and the four ways to settle it. */
export interface PulledMessage {
  readonly subject: string
  readonly data: Uint8Array
  readonly traceparent: string | undefined
  readonly stream: string
  readonly sequence: number
  readonly consumer: string
  /** 1 for the first. */
  readonly deliveries: number
  /** Server's clock, milliseconds UTC. */
  readonly publishedAt: number
  /**
   * Resolves when the server has the ack.
   *
   * @throws LifeboatError BUS_UNREACHABLE – also of a server that is there and does not answer: newer ones say nothing to an ack of what they have forgotten in a crash, and deliver it again
   */
  ack(): Promise<void>
  /** @param delayMs until it is offered again; 0 for at once */
  nak(delayMs: number): void
  term(): void
  /** Asks for another ack wait. */
  working(): void
}

/** A message handed back waits this long, until the requests of the workers that stop with its own are gone from the server. */
export const HAND_BACK_MS = 500

const ACK_TIMEOUT_MS = 5_000

/**
 * The client library keeps its own message class and its fetching to itself; the protocol below is documented and small.
 *
 * NOTE: a bare `+TERM`: servers before 2.10.4 do not understand one with a reason and deliver the message again.
 *
 * @see https://docs.nats.io/reference/reference-protocols/nats_api_reference – acknowledging messages
 */
export function pulledMessage(link: Pick<NatsLink, 'nc' | 'try'>, msg: Msg): PulledMessage {
  const { nc } = link
  const reply = msg.reply ?? ''
  const { stream, consumer, deliveries, sequence, publishedAt } = deliveryInfo(reply)
  const settle = (payload: string) => {
    if (!nc.isClosed()) nc.publish(reply, payload)
  }
  return {
    subject: msg.subject,
    data: msg.data,
    traceparent: msg.headers?.get('traceparent') || undefined,
    stream,
    sequence,
    consumer,
    deliveries,
    publishedAt,
    async ack() {
      await link.try(async () => {
        try {
          await nc.request(reply, '+ACK', { timeout: ACK_TIMEOUT_MS })
        } catch (cause) {
          const isThere = cause instanceof errors.TimeoutError && (await answers(nc))
          throw isThere ? new LifeboatError('BUS_UNREACHABLE', {}, { cause }) : cause
        }
      })
    },
    nak: (delayMs) => settle(delayMs > 0 ? `-NAK {"delay":${delayMs * 1_000_000}}` : '-NAK'),
    term: () => settle('+TERM'),
    working: () => settle('+WPI'),
  }
}

/** Whether the server is there: while it is away, what waits for its answer fails with each attempt to reach it again, or waits on. */
function answers(nc: NatsConnection): Promise<boolean> {
  const answered = nc.flush().then(
    () => true,
    () => false,
  )
  return Promise.race([answered, pause(ACK_TIMEOUT_MS, false, { ref: false })])
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<ns>.<pending>`; newer servers put domain and account hash after `ACK`. */
export function deliveryInfo(reply: string) {
  const tokens = reply.split('.')
  const [stream = '', consumer = '', ...numbers] = tokens.slice(tokens.length >= 11 ? 4 : 2)
  const [deliveries = 0, sequence = 0, consumerSequence = 0, publishedNs = 0, pending = 0] = numbers.map(Number)
  return { stream, consumer, deliveries, sequence, consumerSequence, publishedAt: millis(publishedNs), pending }
}
