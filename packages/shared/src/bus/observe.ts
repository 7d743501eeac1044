import type { Subscription } from '@nats-io/nats-core'
import { AsyncQueue } from './async-queue.ts'
import type { ObservedMessage } from './bus.ts'
import type { NatsLink } from './link.ts'
import { waitingMessages } from './strays.ts'
import { FACTS, WISHES } from './streams.ts'
import { subjectMatches } from './subject-match.ts'
import { tail } from './tail.ts'

export interface ObserveOptions {
  signal: AbortSignal
  /** Milliseconds UTC; default everything the streams still have. */
  since?: number
  follow: boolean
  /** Full subjects, wildcards allowed; default everything. */
  subjects?: string[]
}

/**
 * Wishes that wait and facts that happened, by time, without touching any of them.
 *
 * A work queue cannot be read by a second consumer, so waiting wishes are looked up one by one, and new ones are heard in passing: those
 * have sequence 0.
 */
export async function* observe(link: NatsLink, opts: ObserveOptions): AsyncGenerator<ObservedMessage> {
  const wanted = (message: ObservedMessage) =>
    opts.subjects?.some((pattern) => subjectMatches(pattern, message.subject)) ?? true
  const queue = new AsyncQueue<ObservedMessage>(opts.signal)
  const passing = opts.follow ? hearWishes(link, (wish) => queue.push(wish)) : undefined
  const pumped = pump(link, opts, queue).then(
    () => queue.end(),
    (err: unknown) => queue.fail(err),
  )
  try {
    for await (const message of queue) if (wanted(message)) yield message
  } finally {
    passing?.unsubscribe()
    queue.end()
    await pumped
  }
}

async function pump(link: NatsLink, opts: ObserveOptions, queue: AsyncQueue<ObservedMessage>): Promise<void> {
  const { since = 0, follow } = opts
  const waiting: ObservedMessage[] = []
  for await (const wish of waitingMessages(link, WISHES.name, 'lifeboat.wish.>'))
    if (wish.at >= since) waiting.push(readable(wish))
  const wishesUntil = (at: number) => {
    while (waiting[0] !== undefined && waiting[0].at <= at) queue.push(waiting.shift() as ObservedMessage)
  }
  const from = since === 0 ? ('all' as const) : { since }
  const caughtUp = () => wishesUntil(Number.POSITIVE_INFINITY)
  const signal = AbortSignal.any([opts.signal, queue.ended])
  for await (const fact of tail(link, {
    stream: FACTS.name,
    subject: 'lifeboat.fact.>',
    from,
    follow,
    caughtUp,
    signal,
  })) {
    wishesUntil(fact.publishedAt)
    queue.push(readable({ ...fact, at: fact.publishedAt }))
    await queue.room()
  }
}

function hearWishes(link: NatsLink, heard: (wish: ObservedMessage) => void): Subscription {
  return link.nc.subscribe('lifeboat.wish.>', {
    callback: (_err, msg?) => {
      if (msg) heard(readable({ subject: msg.subject, data: msg.data, sequence: 0, at: Date.now() }))
    },
  })
}

function readable(raw: { subject: string; data: Uint8Array; sequence: number; at: number }): ObservedMessage {
  const { subject, sequence, at } = raw
  return { sequence, at, subject, data: jsonOrText(raw.data) }
}

function jsonOrText(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes)
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
