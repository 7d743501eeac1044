import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream'
import { type KV, Kvm } from '@nats-io/kv'
import { nanos } from '@nats-io/nats-core'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { Bucket, BucketDefinition, Entry } from './bus.ts'
import type { NatsLink } from './link.ts'
import { reconcileStream } from './reconcile.ts'
import { countSubjects, type TailMessage, tail } from './tail.ts'

/** Creates the bucket or changes drifted settings, then opens it. */
export async function openBucket<T>(
  link: NatsLink,
  definition: BucketDefinition<T>,
  replicas: number,
): Promise<Bucket<T>> {
  const { name, summary, maxAgeMs = 0 } = definition
  const options = { history: 1, ttl: maxAgeMs, description: summary, replicas }
  const kv = await link.try(() => new Kvm(link.js).create(name, options))
  const settings = { name: `KV_${name}`, description: summary, max_age: nanos(maxAgeMs), num_replicas: replicas }
  await link.try(() => reconcileStream(link.jsm, settings, link.log))
  return new NatsBucket(link, kv, definition)
}

class NatsBucket<T> implements Bucket<T> {
  readonly #link: NatsLink
  readonly #kv: KV
  readonly #definition: BucketDefinition<T>
  readonly #prefix: string

  constructor(link: NatsLink, kv: KV, definition: BucketDefinition<T>) {
    this.#link = link
    this.#kv = kv
    this.#definition = definition
    this.#prefix = `$KV.${definition.name}.`
  }

  async get(key: string): Promise<Entry<T> | undefined> {
    const found = await this.#link.try(() => this.#kv.get(key))
    if (found === null || found.operation !== 'PUT') return undefined
    const { revision, created } = found
    return { key, value: this.#parse(key, found.value), revision, writtenAt: created.getTime() }
  }

  create(key: string, value: T): Promise<number | undefined> {
    return this.#conditional(() => this.#kv.create(key, JSON.stringify(value)))
  }

  update(key: string, value: T, revision: number): Promise<number | undefined> {
    return this.#conditional(() => this.#kv.update(key, JSON.stringify(value), revision))
  }

  put(key: string, value: T): Promise<number> {
    return this.#link.try(() => this.#kv.put(key, JSON.stringify(value)))
  }

  async delete(key: string, revision?: number): Promise<void> {
    if (revision === undefined) return this.#link.try(() => this.#kv.delete(key))
    await this.#conditional(() => this.#kv.delete(key, { previousSeq: revision }))
  }

  async *entries(filter?: string, { since }: { since?: number } = {}): AsyncGenerator<Entry<T>> {
    const signal = new AbortController().signal
    // A bucket keeps one value per key, so what is left of a time is what is current.
    const from = since === undefined ? 'values' : { since }
    for await (const message of this.#tail({ filter, from, follow: false, signal })) {
      const value = this.#valueOf(message)
      if (value === undefined) continue
      yield { key: this.#keyOf(message), value, revision: message.sequence, writtenAt: message.publishedAt }
    }
  }

  async *watch(opts: { filter?: string; signal: AbortSignal; onlyNew?: boolean; caughtUp?: () => void }) {
    const { filter, signal, caughtUp } = opts
    const from = opts.onlyNew ? 'new' : 'values'
    for await (const message of this.#tail({ filter, from, follow: true, signal, caughtUp })) {
      const change = { key: this.#keyOf(message), revision: message.sequence }
      if (isRemoval(message)) yield { ...change, value: undefined }
      else {
        const value = this.#valueOf(message)
        if (value !== undefined) yield { ...change, value }
      }
    }
  }

  async count(filter?: string): Promise<number> {
    const stream = `KV_${this.#definition.name}`
    if (this.#definition.permanent) return countSubjects(this.#link, stream, `${this.#prefix}${filter ?? '>'}`)
    const signal = new AbortController().signal
    let live = 0
    const messages = this.#tail({ filter, from: 'values', follow: false, signal, headersOnly: true })
    for await (const message of messages) if (!isRemoval(message)) live += 1
    return live
  }

  #tail(opts: {
    filter: string | undefined
    from: 'values' | 'new' | { since: number }
    follow: boolean
    signal: AbortSignal
    headersOnly?: boolean
    caughtUp?: (() => void) | undefined
  }) {
    const { filter = '>', ...rest } = opts
    return tail(this.#link, { stream: `KV_${this.#definition.name}`, subject: `${this.#prefix}${filter}`, ...rest })
  }

  async #conditional<R>(write: () => Promise<R>): Promise<R | undefined> {
    try {
      return await this.#link.try(write)
    } catch (err) {
      if (err instanceof JetStreamApiError && LOST_RACE.includes(err.code)) return undefined
      throw err
    }
  }

  #keyOf(message: TailMessage): string {
    return message.subject.slice(this.#prefix.length)
  }

  /** undefined for a removal, and for an entry nobody can read: one bad entry must not hide the others. */
  #valueOf(message: TailMessage): T | undefined {
    if (isRemoval(message)) return undefined
    try {
      return this.#parse(this.#keyOf(message), message.data)
    } catch (err) {
      this.#link.log.warn(
        { event: 'bus.bad-entry', err },
        'skipped an entry that does not have the shape of its bucket',
      )
      return undefined
    }
  }

  #parse(key: string, value: Uint8Array): T {
    try {
      return this.#definition.schema.parse(JSON.parse(new TextDecoder().decode(value)))
    } catch (cause) {
      throw new LifeboatError('BUS_BAD_MESSAGE', { bucket: this.#definition.name, key }, { cause })
    }
  }
}

const LOST_RACE: number[] = [
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
]

function isRemoval(message: TailMessage): boolean {
  const operation = message.headers?.get('KV-Operation')
  return operation === 'DEL' || operation === 'PURGE'
}
