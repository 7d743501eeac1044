import { AckPolicy, type ConsumerConfig, DeliverPolicy } from '@nats-io/jetstream'
import { createInbox, type Msg, type MsgHdrs, nanos, type Subscription } from '@nats-io/nats-core'
import type { NatsLink } from './link.ts'
import { deliveryInfo } from './pulled-message.ts'

export interface TailMessage {
  subject: string
  data: Uint8Array
  headers: MsgHdrs | undefined
  sequence: number
  /** Server's clock, milliseconds UTC. */
  publishedAt: number
}

export interface TailOptions {
  stream: string
  subject: string
  /** `values`: the newest message of each subject first · `new`: only what comes from now on · `all` · `since`: from that moment, milliseconds UTC. */
  from: 'values' | 'new' | 'all' | { since: number }
  headersOnly?: boolean
  /** False: ends when everything that was there has been read. */
  follow: boolean
  /** Called once, after what was there has been read. */
  caughtUp?: (() => void) | undefined
  signal: AbortSignal
}

const HEARTBEAT_MS = 2_000
const SILENCE_MS = 3 * HEARTBEAT_MS + 500

/**
 * Reads a stream in order without acknowledging: a consumer of one's own that is made anew, where it was, after a gap, a silence or a reconnect.
 *
 * Reading slowly slows the server down (flow control), so a million entries need no memory here. Ends quietly when the signal fires.
 */
export async function* tail(link: NatsLink, opts: TailOptions): AsyncGenerator<TailMessage> {
  const inflow = new Inflow(link, opts)
  const wake = () => inflow.wake()
  const forget = link.onReconnect(() => inflow.restart())
  opts.signal.addEventListener('abort', wake, { once: true })
  try {
    let { caughtUp } = opts
    if ((await inflow.open()) === 0) {
      caughtUp?.()
      caughtUp = undefined
      if (!opts.follow) return
    }
    for (;;) {
      const next = await inflow.next()
      if (opts.signal.aborted) return
      if (next !== 'quiet') yield next.message
      if (next !== 'quiet' && next.pending > 0) continue
      caughtUp?.()
      caughtUp = undefined
      if (!opts.follow) return
    }
  } finally {
    forget()
    opts.signal.removeEventListener('abort', wake)
    inflow.close()
  }
}

/** How many subjects have a message; one question, nothing is read. */
export async function countSubjects(link: NatsLink, stream: string, subject: string): Promise<number> {
  const inflow = new Inflow(link, { stream, subject, from: 'values', follow: false, signal: AbortSignal.abort() })
  try {
    return await inflow.open()
  } finally {
    inflow.close()
  }
}

type Arrival = { message: TailMessage; pending: number }

/** The consumer on the server, its subscription here, and what arrived and was not read yet. */
class Inflow {
  readonly #link: NatsLink
  readonly #opts: TailOptions
  readonly #queue: (Arrival | 'quiet' | Msg)[] = []
  #wake: (() => void) | undefined
  #subscription: Subscription | undefined
  #consumer: string | undefined
  #consumerSequence = 0
  /** Stream sequence read last; where a new consumer goes on. */
  #read = 0
  #restarting = false
  #silence: NodeJS.Timeout | undefined

  constructor(link: NatsLink, opts: TailOptions) {
    this.#link = link
    this.#opts = opts
  }

  /** @returns how many messages wait on the server */
  async open(): Promise<number> {
    const inbox = createInbox()
    this.#consumerSequence = 0
    this.#subscription = this.#link.nc.subscribe(inbox, { callback: (_err, msg?: Msg) => this.#arrived(msg) })
    const info = await this.#link.try(() => this.#link.jsm.consumers.add(this.#opts.stream, this.#settings(inbox)))
    this.#consumer = info.name
    this.#listen()
    return info.num_pending
  }

  /** The next message, or `quiet` when the server has no more for now. */
  async next(): Promise<Arrival | 'quiet'> {
    for (;;) {
      const item = this.#queue.shift()
      if (item === 'quiet') return item
      if (item !== undefined && 'pending' in item) {
        this.#read = item.message.sequence
        return item
      }
      // Everything before it was read, so the server may send more.
      if (item !== undefined) item.respond()
      else if (this.#opts.signal.aborted) return 'quiet'
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  wake(): void {
    this.#wake?.()
  }

  restart(): void {
    if (this.#restarting || this.#opts.signal.aborted) return
    this.#restarting = true
    this.close()
    this.open()
      .catch((err: unknown) =>
        this.#link.log.debug({ event: 'bus.tail-retry', err }, 'reading a stream is tried again'),
      )
      .finally(() => {
        this.#restarting = false
        this.#listen()
      })
  }

  close(): void {
    clearTimeout(this.#silence)
    this.#subscription?.unsubscribe()
    // What was queued and not read comes again: the new consumer begins after `#read`.
    this.#queue.length = 0
    if (this.#consumer !== undefined && !this.#link.nc.isClosed())
      this.#link.jsm.consumers.delete(this.#opts.stream, this.#consumer).catch(() => {})
    this.#consumer = undefined
  }

  #listen(): void {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => this.restart(), SILENCE_MS)
    this.#silence.unref()
  }

  #arrived(msg: Msg | undefined): void {
    if (msg === undefined) return
    this.#listen()
    if (msg.headers?.code === 100) {
      this.#control(msg)
      return
    }
    const info = deliveryInfo(msg.reply ?? '')
    this.#consumerSequence += 1
    if (info.consumerSequence !== this.#consumerSequence) {
      this.restart()
      return
    }
    const { subject, data, headers } = msg
    const message = { subject, data, headers, sequence: info.sequence, publishedAt: info.publishedAt }
    this.#push({ message, pending: info.pending })
  }

  /** Status 100 is either a flow-control request (it wants an answer) or an idle heartbeat. */
  #control(msg: Msg): void {
    if (msg.reply) {
      this.#push(msg)
      return
    }
    const stalled = msg.headers?.get('Nats-Consumer-Stalled')
    if (stalled) this.#link.nc.publish(stalled)
    const last = Number(msg.headers?.get('Nats-Last-Consumer') ?? 0)
    if (last > this.#consumerSequence) this.restart()
    else if (this.#queue.length === 0) this.#push('quiet')
  }

  #push(item: Arrival | 'quiet' | Msg): void {
    this.#queue.push(item)
    this.#wake?.()
  }

  #settings(inbox: string): Partial<ConsumerConfig> {
    return {
      deliver_subject: inbox,
      filter_subject: this.#opts.subject,
      ack_policy: AckPolicy.None,
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      inactive_threshold: nanos(30_000),
      mem_storage: true,
      num_replicas: 1,
      headers_only: this.#opts.headersOnly ?? false,
      ...this.#start(),
    }
  }

  #start(): Partial<ConsumerConfig> {
    const { from } = this.#opts
    if (this.#read > 0) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.#read + 1 }
    if (from === 'values') return { deliver_policy: DeliverPolicy.LastPerSubject }
    if (from === 'new') return { deliver_policy: DeliverPolicy.New }
    if (from === 'all') return { deliver_policy: DeliverPolicy.All }
    return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(from.since).toISOString() }
  }
}
