import { z } from 'zod'
import { ErrorReportSchema } from '../errors/error-report.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { DeadLetter } from './bus.ts'
import type { NatsLink } from './link.ts'
import type { PulledMessage } from './pulled-message.ts'
import { WISHES } from './streams.ts'

const EXCERPT_BYTES = 2048

const DeadLetterSchema = z.object({
  subject: z.string(),
  error: ErrorReportSchema,
  excerpt: z.string(),
  deliveries: z.int(),
  consumer: z.string(),
}) as unknown as z.ZodType<DeadLetter>

/** @see https://docs.nats.io/nats-concepts/jetstream – advisory `io.nats.jetstream.advisory.v1.max_deliver` */
const Exhausted = z.object({
  stream: z.string(),
  consumer: z.string(),
  stream_seq: z.int(),
  deliveries: z.int(),
})

/** Where in which stream the given-up message lies. */
interface Origin {
  stream: string
  sequence: number
  subject: string
  data: Uint8Array
}

/** Writes the dead letter of a message a handler refused; once, however often it is tried. */
export async function bury(link: NatsLink, message: PulledMessage, error: LifeboatError): Promise<void> {
  await post(link, message, { error: error.toReport(), deliveries: message.deliveries, consumer: message.consumer })
}

/**
 * Handles one message of the dead-letter stream. An advisory (a worker died again and again) becomes a dead letter like any other; a wish it
 * is about leaves the work queue with that.
 *
 * @throws LifeboatError BUS_BAD_MESSAGE when somebody else wrote into the stream
 */
export async function openDeadLetter(
  link: NatsLink,
  message: PulledMessage,
  handle: (letter: DeadLetter) => Promise<void>,
): Promise<void> {
  if (message.subject.startsWith('$JS.EVENT.ADVISORY.')) return fromAdvisory(link, parse(Exhausted, message))
  await handle(parse(DeadLetterSchema, message))
}

/** A message of a subject nobody knows: same road, no deliveries. */
export async function buryStray(link: NatsLink, origin: Origin): Promise<void> {
  const problems = ['no message of this subject and version is defined']
  const error = new LifeboatError('BUS_BAD_MESSAGE', { subject: origin.subject, problems }).toReport()
  await post(link, origin, { error, deliveries: 0, consumer: 'none' })
  await link.jsm.streams.deleteMessage(origin.stream, origin.sequence, false)
}

async function fromAdvisory(link: NatsLink, advisory: z.infer<typeof Exhausted>): Promise<void> {
  const { stream, stream_seq: sequence, deliveries, consumer } = advisory
  const found = await link.try(() => link.jsm.streams.getMessage(stream, { seq: sequence }))
  // Settled after all by a late acknowledgement, or buried before.
  if (!found) return
  const error = new LifeboatError('BUS_DELIVERIES_EXHAUSTED', { subject: found.subject, deliveries, consumer })
  const origin = { stream, sequence, subject: found.subject, data: found.data }
  await post(link, origin, { error: error.toReport(), deliveries, consumer })
  if (stream === WISHES.name) await link.jsm.streams.deleteMessage(stream, sequence, false)
}

async function post(link: NatsLink, origin: Origin, about: Pick<DeadLetter, 'error' | 'deliveries' | 'consumer'>) {
  const excerpt = new TextDecoder().decode(origin.data.subarray(0, EXCERPT_BYTES))
  const letter: DeadLetter = { subject: origin.subject, excerpt, ...about }
  const msgID = `dead/${origin.stream}/${origin.sequence}/${about.consumer}`
  await link.try(() => link.js.publish(`lifeboat.dead.${origin.subject}`, JSON.stringify(letter), { msgID }))
}

function parse<T>(schema: z.ZodType<T>, message: PulledMessage): T {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(message.data)))
  } catch (cause) {
    throw new LifeboatError('BUS_BAD_MESSAGE', { subject: message.subject }, { cause })
  }
}
