import type { z } from 'zod'
import type { Moment } from '../domain/ids.ts'
import type { ErrorReport } from '../errors/lifeboat-error.ts'
import type { Logger } from '../log/logger.ts'
import type { Progress } from '../run/run.ts'
import type { MessageType } from './define-message.ts'

/** One delivery of a message. */
export interface Delivery {
  /** 1 for the first. */
  readonly attempt: number
  /** When it was published, milliseconds UTC, by the server's clock. */
  readonly publishedAt: number
  /** W3C trace context of the publisher, if it sent one. */
  readonly traceparent?: string
  /** Fires SERVICE_STOPPING when the consumer is being stopped. */
  readonly signal: AbortSignal
  readonly log: Logger
}

/** At-least-once: a handler first looks whether its outcome exists. Returning settles the message; throwing decides by the error's retry class. */
export type Handler<T> = (data: T, delivery: Delivery) => Promise<void>

export interface Subscription<T> {
  type: MessageType<T>
  /** Durable consumer name, shared by all instances that share the work: `uploader-aws`, `agent-db1`. */
  durable: string
  /** Only messages with this route; default all. */
  route?: string
  /** Handlers running at the same time in this process; default 1. */
  concurrency?: number
  /** Deliveries before the message becomes a dead letter; default: wishes 20, facts without limit. */
  maxDeliver?: number
  /** Facts only: where a new durable starts. `all` (default) replays what the stream still has, `new` begins now. */
  from?: 'all' | 'new'
}

export interface DeadLetter {
  /** Subject the message was published on. */
  subject: string
  /** Present when a handler refused it; absent when its worker kept dying (BUS_DELIVERIES_EXHAUSTED). */
  error: ErrorReport
  /** First 2 kB of the body, as text. */
  excerpt: string
  deliveries: number
  consumer: string
}

/** One fact or wish as `lifeboat events` shows it; data is validated when its type is known, raw otherwise. */
export interface ObservedMessage {
  sequence: number
  at: number
  subject: string
  data: unknown
}

export interface ProgressReport extends Progress {
  runId: string
  service: string
  at: number
}

/** A typed view of one KV bucket. Keys are `[A-Za-z0-9._=/-]+`, dots separate tokens. */
export interface Bucket<T> {
  get(key: string): Promise<Entry<T> | undefined>
  /** undefined when the key exists already. */
  create(key: string, value: T): Promise<number | undefined>
  /** undefined when somebody else wrote since `revision`. */
  update(key: string, value: T, revision: number): Promise<number | undefined>
  put(key: string, value: T): Promise<number>
  /** With a revision: leaves it alone when somebody else wrote since. */
  delete(key: string, revision?: number): Promise<void>
  /**
   * Current values whose key matches (`backup.records.>`; default all), one pass, then ends.
   *
   * @param opts.since milliseconds UTC: only what was written from then on, in the order of writing
   */
  entries(filter?: string, opts?: { since?: number }): AsyncIterable<Entry<T>>
  /** Current values, then every change until the signal fires. `value` undefined means deleted. `caughtUp` is called once, after the current values. */
  watch(opts: {
    filter?: string
    signal: AbortSignal
    onlyNew?: boolean
    caughtUp?: () => void
  }): AsyncIterable<{ key: string; value: T | undefined; revision: number }>
  /** How many live keys match; asked of the server, values are not read. */
  count(filter?: string): Promise<number>
}

export interface Entry<T> {
  key: string
  value: T
  revision: number
  /** When it was written, milliseconds UTC, by the server's clock. */
  writtenAt: number
}

/** A bucket, defined once beside its owner package and created or reconciled at start. */
export interface BucketDefinition<T> {
  name: string
  summary: string
  schema: z.ZodType<T>
  /** Entries vanish after this long; default never. */
  maxAgeMs?: number
  /** Nobody deletes entries, so counting them asks the server for one number instead of reading every key. */
  permanent?: boolean
}

/** The carrier. Everything that is published or consumed passes one definition in messages/. */
export interface Bus extends AsyncDisposable {
  /** Resolves when the stream has it. `duplicate` when its dedupe key was seen within the window (2 h). */
  publish<T>(
    type: MessageType<T>,
    data: T,
    opts?: { traceparent?: string },
  ): Promise<{ duplicate: boolean; sequence: number }>
  /** Starts consuming; resolves when the durable exists. Stops intake when the signal fires; `stopped` settles when the last handler ended. */
  consume<T>(
    subscription: Subscription<T>,
    handle: Handler<T>,
    opts: { signal: AbortSignal },
  ): Promise<{ stopped: Promise<void> }>
  /** Dead letters as they come; a durable of its own, so none is missed. */
  consumeDeadLetters(
    durable: string,
    handle: (letter: DeadLetter) => Promise<void>,
    opts: { signal: AbortSignal },
  ): Promise<{ stopped: Promise<void> }>
  /** Facts (and wishes still waiting, never consumed) in order, for reading only. Follows until the signal fires when `follow`. */
  observe(opts: {
    signal: AbortSignal
    since?: number
    follow: boolean
    subjects?: string[]
  }): AsyncIterable<ObservedMessage>
  /**
   * Every message of one fact or flow from a moment on, in order, then new ones until the signal fires. Nothing is acknowledged: for readers
   * that begin again after a restart. What does not have the shape of its type is skipped.
   *
   * @param opts.since milliseconds UTC, by the server's clock
   * @param opts.caughtUp called once, after what was there has been read
   */
  follow<T>(
    type: MessageType<T>,
    opts: { route?: string; since: number; signal: AbortSignal; caughtUp?: () => void },
  ): AsyncIterable<T>
  /**
   * Wishes of one type that nobody has settled, in order, each with the moment it was published; nothing is consumed. What does not have the shape of its type is
   * skipped.
   */
  waiting<T>(type: MessageType<T>, opts?: { route?: string }): AsyncIterable<{ at: Moment; data: T }>
  bucket<T>(definition: BucketDefinition<T>): Promise<Bucket<T>>
  /** Lossy, at most once a second per run (the caller's Run throttles). */
  sendProgress(report: ProgressReport): void
  watchProgress(opts: { signal: AbortSignal; runId?: string }): AsyncIterable<ProgressReport>
  /** Resolves when every consumer has been stopped and its last handler ended. */
  settled(): Promise<void>
  /** Round trip to the server, milliseconds. */
  ping(): Promise<number>
}
