import { setTimeout as pause } from 'node:timers/promises'
import { AckPolicy, type ConsumerConfig, DeliverPolicy } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import { moment } from '../domain/ids.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import { within } from '../run/within.ts'
import { AsyncQueue } from './async-queue.ts'
import type { Bucket, BucketDefinition, Bus, DeadLetter, Handler, ProgressReport, Subscription } from './bus.ts'
import { bury, openDeadLetter } from './dead-letters.ts'
import { busSubject, type MessageType } from './define-message.ts'
import { deliver, pauseBefore } from './deliver.ts'
import { envelope, readMessage } from './envelope.ts'
import { type LinkOptions, type NatsLink, openLink } from './link.ts'
import { openBucket } from './nats-bucket.ts'
import { observe } from './observe.ts'
import { pullLoop } from './pull-loop.ts'
import type { PulledMessage } from './pulled-message.ts'
import { reconcileConsumer, reconcileStream } from './reconcile.ts'
import { buryStrays, waitingMessages } from './strays.ts'
import { ACK_WAIT_MS, DEAD, MAX_ACK_PENDING, STREAMS, streamFor, streamSettings, WISH_DELIVERIES } from './streams.ts'
import { type TailMessage, tail } from './tail.ts'
import { nextTraceparent } from './trace.ts'

export interface BusOptions extends LinkOptions {
  /** JetStream replicas of every stream and bucket; default 1. */
  replicas?: number | undefined
  /** Also tells work in progress to end; default: as soon as its consumer is stopped. `runService` hands one to `open`. */
  abort?: AbortSignal | undefined
}

const STRAYS_EVERY_MS = 30_000
/** A handler that does not end after its signal fired is left behind after this long; its message comes again elsewhere. */
const FAREWELL_MS = 10_000
const DRAIN_MS = 2_000

/**
 * Connects to NATS and brings the streams to the settings of streams.ts. The connection then comes back by itself for ever.
 *
 * Disposing stops all consumers, tells handlers to end (SERVICE_STOPPING), waits for them and closes the connection.
 *
 * @throws LifeboatError BUS_UNREACHABLE | BUS_AUTH_REFUSED | BUS_SETTINGS_REFUSED
 */
export async function connectBus(opts: BusOptions): Promise<Bus> {
  const link = await openLink(opts)
  const bus = new NatsBus(link, opts)
  try {
    await bus.ensureStreams()
    return bus
  } catch (err) {
    await link.nc.close()
    throw err
  }
}

class NatsBus implements Bus {
  readonly #link: NatsLink
  readonly #replicas: number
  readonly #abort: AbortSignal | undefined
  readonly #closing = new AbortController()
  readonly #consumers = new Set<Promise<void>>()

  constructor(link: NatsLink, opts: BusOptions) {
    this.#link = link
    this.#replicas = opts.replicas ?? 1
    this.#abort = opts.abort
  }

  async ensureStreams(): Promise<void> {
    const { jsm, log } = this.#link
    for (const definition of STREAMS)
      await this.#link.try(() => reconcileStream(jsm, streamSettings(definition, this.#replicas), log))
  }

  async publish<T>(type: MessageType<T>, data: T, opts: { traceparent?: string } = {}) {
    const subject = busSubject(type, type.route(data))
    const traceparent = opts.traceparent ?? nextTraceparent()
    const headers = envelope(type, data, { source: this.#link.name, nowMs: Date.now(), traceparent })
    const body = JSON.stringify(type.schema.parse(data))
    const msgID = type.dedupeKey(data)
    const receipt = await this.#link.try(() => this.#link.js.publish(subject, body, { headers, msgID }))
    this.#link.log.debug(
      { event: 'bus.published', subject, msgID, duplicate: receipt.duplicate },
      'published a message',
    )
    return { duplicate: receipt.duplicate, sequence: receipt.seq }
  }

  async consume<T>(subscription: Subscription<T>, handle: Handler<T>, { signal }: { signal: AbortSignal }) {
    const { type, durable, concurrency = 1 } = subscription
    const maxDeliver = subscription.maxDeliver ?? (type.class === 'wish' ? WISH_DELIVERIES : Number.POSITIVE_INFINITY)
    const stopping = AbortSignal.any([signal, this.#closing.signal])
    const rules = {
      signal: this.#endOfWork(stopping),
      log: this.#link.log.child({ consumer: durable }),
      maxDeliver,
      bury: (message: PulledMessage, error: LifeboatError) => bury(this.#link, message, error),
    }
    return this.#work({
      stream: streamFor(type.class).name,
      settings: this.#durable(durable, {
        filter_subject: busSubject(type, subscription.route ?? '*'),
        max_deliver: Number.isFinite(maxDeliver) ? maxDeliver : -1,
        deliver_policy: subscription.from === 'new' ? DeliverPolicy.New : DeliverPolicy.All,
      }),
      concurrency,
      stopping,
      work: (message) => deliver(message, type, handle, rules),
    })
  }

  async consumeDeadLetters(
    durable: string,
    handle: (letter: DeadLetter) => Promise<void>,
    { signal }: { signal: AbortSignal },
  ) {
    const stopping = AbortSignal.any([signal, this.#closing.signal])
    void this.#sweepStrays(stopping)
    return this.#work({
      stream: DEAD.name,
      settings: this.#durable(durable, { max_deliver: -1, deliver_policy: DeliverPolicy.All }),
      concurrency: 1,
      stopping,
      work: (message) => this.#openDeadLetter(message, handle),
    })
  }

  observe(opts: { signal: AbortSignal; since?: number; follow: boolean; subjects?: string[] }) {
    return observe(this.#link, opts)
  }

  async *follow<T>(
    type: MessageType<T>,
    opts: { route?: string; since: number; signal: AbortSignal; caughtUp?: () => void },
  ): AsyncGenerator<T> {
    const { route = '*', since, signal, caughtUp } = opts
    const from = since <= 0 ? ('all' as const) : { since }
    const subject = busSubject(type, route)
    const stream = streamFor(type.class).name
    for await (const message of tail(this.#link, { stream, subject, from, follow: true, signal, caughtUp })) {
      const data = this.#readOrSkip(type, message)
      if (data !== undefined) yield data
    }
  }

  async *waiting<T>(type: MessageType<T>, { route = '*' }: { route?: string } = {}) {
    for await (const message of waitingMessages(this.#link, streamFor(type.class).name, busSubject(type, route))) {
      const data = this.#readOrSkip(type, message)
      if (data !== undefined) yield { at: moment(message.at), data }
    }
  }

  bucket<T>(definition: BucketDefinition<T>): Promise<Bucket<T>> {
    return openBucket(this.#link, definition, this.#replicas)
  }

  sendProgress(report: ProgressReport): void {
    if (!this.#link.nc.isClosed()) this.#link.nc.publish(`lifeboat.progress.${report.runId}`, JSON.stringify(report))
  }

  async *watchProgress({ signal, runId = '>' }: { signal: AbortSignal; runId?: string }) {
    const reports = new AsyncQueue<ProgressReport>(signal)
    const subscription = this.#link.nc.subscribe(`lifeboat.progress.${runId}`, {
      callback: (_err, msg?) => {
        if (msg) reports.push(msg.json<ProgressReport>())
      },
    })
    try {
      yield* reports
    } finally {
      subscription.unsubscribe()
    }
  }

  async ping(): Promise<number> {
    const started = performance.now()
    await this.#link.try(() => this.#link.nc.flush())
    return performance.now() - started
  }

  async settled(): Promise<void> {
    await Promise.all(this.#consumers)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new LifeboatError('SERVICE_STOPPING'))
    await within(FAREWELL_MS, this.settled())
    // Without a server the drain would wait until one comes back.
    await within(DRAIN_MS, this.#link.nc.drain())
    await within(DRAIN_MS, this.#link.nc.close())
  }

  async #work(job: {
    stream: string
    settings: Partial<ConsumerConfig> & { durable_name: string }
    concurrency: number
    stopping: AbortSignal
    work: (message: PulledMessage) => Promise<void>
  }): Promise<{ stopped: Promise<void> }> {
    const { jsm, log } = this.#link
    const { stream, settings, stopping } = job
    const create = () => this.#link.try(() => reconcileConsumer(jsm, stream, settings, log))
    await create()
    const ensure = () => this.ensureStreams().then(create)
    const source = { link: this.#link, stream, durable: settings.durable_name, ensure }
    const loops = Array.from({ length: job.concurrency }, () => pullLoop(source, job.work, stopping))
    const stopped = Promise.all(loops).then(() => {
      this.#consumers.delete(stopped)
    })
    this.#consumers.add(stopped)
    return { stopped }
  }

  #durable(name: string, rest: Partial<ConsumerConfig>): Partial<ConsumerConfig> & { durable_name: string } {
    return {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ACK_WAIT_MS),
      max_ack_pending: MAX_ACK_PENDING,
      ...rest,
    }
  }

  #readOrSkip<T>(type: MessageType<T>, { subject, data }: Pick<TailMessage, 'subject' | 'data'>): T | undefined {
    try {
      return readMessage(type, subject, data)
    } catch (err) {
      this.#link.log.warn(
        { event: 'bus.bad-message', err },
        'skipped a message that does not have the shape of its type',
      )
      return undefined
    }
  }

  /** Fires SERVICE_STOPPING when work in progress must end. */
  #endOfWork(stopping: AbortSignal): AbortSignal {
    const ended = new AbortController()
    const end = () => ended.abort(new LifeboatError('SERVICE_STOPPING'))
    for (const cause of this.#abort ? [this.#abort, this.#closing.signal] : [stopping]) {
      if (cause.aborted) end()
      cause.addEventListener('abort', end, { once: true })
    }
    return ended.signal
  }

  async #openDeadLetter(message: PulledMessage, handle: (letter: DeadLetter) => Promise<void>): Promise<void> {
    const keepAlive = setInterval(() => message.working(), ACK_WAIT_MS / 3)
    try {
      await openDeadLetter(this.#link, message, handle)
      await message.ack()
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      this.#link.log[err.level]({ event: 'dead-letter.failed', err }, 'a dead letter could not be handled')
      if (err.retry === 'never') message.term()
      else message.nak(pauseBefore(message.deliveries, err))
    } finally {
      clearInterval(keepAlive)
    }
  }

  async #sweepStrays(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      await buryStrays(this.#link, Date.now()).catch((err: unknown) => {
        this.#link.log.debug({ event: 'strays.unswept', err }, 'looking for stray wishes is tried again')
      })
      await pause(STRAYS_EVERY_MS, undefined, { signal: stopping, ref: false }).catch(() => {})
    }
  }
}
