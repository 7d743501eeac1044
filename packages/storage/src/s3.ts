import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  PutObjectRetentionCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import type { Md5, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { checkedBody } from './checked-body.ts'
import { copyLockMs } from './lock.ts'
import type { OpenContext } from './open-target.ts'
import { relay } from './relay.ts'
import { answeredAt } from './s3/answered-at.ts'
import { openClient } from './s3/client.ts'
import { factsOf, hexOf, isHeld, modeOf } from './s3/facts.ts'
import { putCommand } from './s3/put-command.ts'
import { statusOf, translateS3Error } from './s3/translate.ts'
import { compareContent } from './same-content.ts'
import type { Locks, PutOptions, Receipt, Target } from './target.ts'
import type { LockConfig, S3Config, TransitionConfig } from './target-config.ts'

/** A HEAD says 404 for a missing key and a missing bucket alike; the bucket is asked for at most this often. */
const BUCKET_TRUST_MS = 60_000

/**
 * S3 and what speaks its language. A put is one request of known length whose SHA-256 is signed, sent as checksum and kept by the store,
 * so it works without aws-chunked framing, over http as well, on stores that know no newer checksums.
 *
 * @throws LifeboatError CONFIG_INVALID – only one half of a key pair · CONFIG_SECRET_MISSING
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html – If-None-Match, 412 and 409
 */
export async function openS3(id: TargetId, config: S3Config, ctx: Pick<OpenContext, 'resolveSecret'>): Promise<Target> {
  return new S3Target(id, config, await openClient(id, config, ctx))
}

class S3Target implements Target {
  readonly kind = 's3'
  readonly abilities = { immutability: true, conditionalPut: true }
  readonly id: TargetId
  readonly #config: S3Config
  readonly #client: S3Client
  readonly #prefix: string
  readonly transition?: TransitionConfig
  readonly locks?: Locks
  #bucketSeenAt = Number.NEGATIVE_INFINITY
  /** Whether the store told the checksum it verified when it was last given something. */
  #echoes = false

  constructor(id: TargetId, config: S3Config, client: S3Client) {
    this.id = id
    this.#config = config
    this.#client = client
    this.#prefix = config.prefix === '' ? '' : `${config.prefix}/`
    const { lock, transition } = config
    if (transition) this.transition = transition
    if (lock)
      this.locks = {
        forMs: (policyId) => copyLockMs(lock, policyId),
        extend: (key, until, { signal }) => this.#lock(lock, key, until, signal),
      }
  }

  async put(key: Key, body: () => Readable, opts: PutOptions): Promise<Receipt> {
    opts.signal.throwIfAborted()
    // A store that does not confirm the SHA-256 may keep an MD5: of bytes that are those announced.
    const md5 = opts.md5 === undefined && !this.#echoes ? createHash('md5') : undefined
    const stream = checkedBody(key, body, opts, { digest: md5 !== undefined, md5 })
    // The SDK pipes the body and would wait for ever for the rest of one that broke.
    const broken = new AbortController()
    stream.on('error', (err) => broken.abort(err))
    const abortSignal = AbortSignal.any([opts.signal, broken.signal])
    try {
      const command = putCommand(this.#config, this.#at(key), { key, body: stream, opts })
      const answer = await this.#client.send(command, { abortSignal })
      const sent = md5 ? { ...opts, md5: md5.digest('hex') as Md5 } : opts
      return await this.#confirmed(key, answer.ChecksumSHA256, sent)
    } catch (thrown) {
      abortSignal.throwIfAborted()
      if (statusOf(thrown) === 412) return await this.#sameOrTaken(key, opts)
      throw this.#translated(key, thrown)
    } finally {
      stream.destroy()
    }
  }

  async get(key: Key, { from = 0, signal }: { from?: number; signal: AbortSignal }): Promise<Readable> {
    const range = from > 0 ? { Range: `bytes=${from}-` } : {}
    return this.#asked(key, signal, async () => {
      const answer = await this.#client.send(new GetObjectCommand({ ...this.#at(key), ...range }), {
        abortSignal: signal,
      })
      if (from > 0 && answer.ContentRange === undefined)
        throw new LifeboatError('TARGET_UNFIT', { targetId: this.id, problem: 'the store ignores ranges' })
      return this.#download(key, answer.Body as Readable, answer.ContentLength, signal)
    }).catch((thrown: unknown) => {
      // A range that begins at the very end is "not satisfiable".
      if (LifeboatError.is(thrown, 'TARGET_REFUSED') && thrown.facts.status === 416)
        return Readable.from([], { objectMode: false })
      throw thrown
    })
  }

  async stat(key: Key, { signal }: { signal: AbortSignal }): Promise<Receipt | undefined> {
    const head = await this.#head(key, signal)
    return head && { key, ...factsOf(head), ...(head.answeredAt && { answeredAt: head.answeredAt }) }
  }

  async *list(prefix: Key, { signal }: { signal: AbortSignal }): AsyncGenerator<Receipt> {
    const about = { Bucket: this.#config.bucket, Prefix: this.#prefix + prefix }
    let token: string | undefined
    do {
      const command = new ListObjectsV2Command({ ...about, ...(token && { ContinuationToken: token }) })
      const page = await this.#asked(prefix, signal, () => this.#client.send(command, { abortSignal: signal }))
      for (const { Key = '', Size = 0, LastModified, StorageClass } of page.Contents ?? []) {
        const storedAt = LastModified && { storedAt: LastModified.toISOString() }
        yield {
          key: Key.slice(this.#prefix.length),
          bytes: Size,
          ...storedAt,
          ...(StorageClass && { storageClass: StorageClass }),
        }
        signal.throwIfAborted()
      }
      token = page.NextContinuationToken
    } while (token !== undefined)
  }

  /** Names the version, so that a versioned bucket really lets go instead of hiding the object behind a delete marker. */
  async remove(key: Key, { signal }: { signal: AbortSignal }): Promise<void> {
    const head = await this.#head(key, signal)
    if (head === undefined) return
    if (isHeld(head))
      throw new LifeboatError('TARGET_HELD', {
        targetId: this.id,
        key,
        until: head.ObjectLockRetainUntilDate?.toISOString(),
      })
    const version = head.VersionId === undefined ? {} : { VersionId: head.VersionId }
    const command = new DeleteObjectCommand({ ...this.#at(key), ...version })
    await this.#asked(key, signal, () => this.#client.send(command, { abortSignal: signal }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy()
  }

  /** Of the version that is there now. */
  async #lock(lock: LockConfig, key: Key, until: Date, signal: AbortSignal): Promise<void> {
    const head = await this.#head(key, signal)
    if (head === undefined) throw new LifeboatError('TARGET_KEY_ABSENT', { targetId: this.id, key })
    const version = head.VersionId === undefined ? {} : { VersionId: head.VersionId }
    const Retention = { Mode: modeOf(lock), RetainUntilDate: until }
    const command = new PutObjectRetentionCommand({ ...this.#at(key), ...version, Retention })
    await this.#asked(key, signal, () => this.#client.send(command, { abortSignal: signal }))
  }

  /** Most stores echo the checksum they verified; one that does not is asked what it holds. */
  async #confirmed(key: Key, echoed: string | undefined, opts: PutOptions): Promise<Receipt> {
    const { bytes, sha256, signal } = opts
    this.#echoes = echoed !== undefined
    if (echoed !== undefined) {
      if (hexOf(echoed) !== sha256) throw this.#mismatch(key, { expectedSha256: sha256, actualSha256: hexOf(echoed) })
      return { key, bytes, sha256 }
    }
    const there = await this.stat(key, { signal })
    const isUntold = opts.md5 === undefined && there?.sha256 === undefined && there?.md5 !== undefined
    if (
      there === undefined ||
      compareContent(there, opts) === 'different' ||
      (isUntold && !(await this.#holds(key, opts)))
    )
      throw this.#mismatch(key, { thereBytes: there?.bytes })
    return there
  }

  /** The key exists: perhaps by an earlier try of ours whose answer was lost. */
  async #sameOrTaken(key: Key, opts: PutOptions): Promise<Receipt> {
    const there = await this.stat(key, opts)
    if (there === undefined)
      throw new LifeboatError('TARGET_UNREACHABLE', { targetId: this.id, key, problem: 'vanished' })
    const found = compareContent(there, opts)
    if (found === 'same' || (found === 'unknown' && (await this.#holds(key, opts)))) return there
    throw new LifeboatError('TARGET_KEY_TAKEN', {
      targetId: this.id,
      key,
      expectedBytes: opts.bytes,
      thereBytes: there.bytes,
    })
  }

  /** By every byte, for a store that keeps no digest we could compare. */
  async #holds(key: Key, { sha256, signal }: PutOptions): Promise<boolean> {
    const hash = createHash('sha256')
    for await (const chunk of await this.get(key, { signal })) hash.update(chunk as Buffer)
    return hash.digest('hex') === sha256
  }

  async #head(
    key: Key,
    signal: AbortSignal,
  ): Promise<(HeadObjectCommandOutput & Pick<Receipt, 'answeredAt'>) | undefined> {
    const command = new HeadObjectCommand({ ...this.#at(key), ChecksumMode: 'ENABLED' })
    const toldAt = answeredAt(command)
    return this.#asked(key, signal, async () => {
      try {
        const head = await this.#client.send(command, { abortSignal: signal })
        const at = toldAt()
        return { ...head, ...(at && { answeredAt: at }) }
      } catch (thrown) {
        if (statusOf(thrown) !== 404) throw thrown
        await this.#demandBucket(signal)
        return undefined
      }
    })
  }

  async #demandBucket(signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#bucketSeenAt < BUCKET_TRUST_MS) return
    const { bucket } = this.#config
    await this.#client
      .send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: signal })
      .catch((thrown: unknown) => {
        if (statusOf(thrown) === 404) throw new LifeboatError('TARGET_MISSING', { targetId: this.id, bucket })
        throw thrown
      })
    this.#bucketSeenAt = performance.now()
  }

  #download(key: Key, body: Readable, expected: number | undefined, signal: AbortSignal): Readable {
    let passed = 0
    return relay(body, {
      signal,
      each: (chunk) => {
        passed += chunk.byteLength
      },
      atEnd: () => {
        if (expected !== undefined && passed < expected) throw this.#cut(key)
      },
      translate: (thrown) => (thrown instanceof LifeboatError ? thrown : this.#cut(key, thrown)),
    })
  }

  async #asked<T>(key: Key, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (thrown) {
      signal.throwIfAborted()
      throw this.#translated(key, thrown)
    }
  }

  #at(key: Key): { Bucket: string; Key: string } {
    return { Bucket: this.#config.bucket, Key: this.#prefix + key }
  }

  #translated(key: Key, thrown: unknown): unknown {
    return translateS3Error(thrown, { targetId: this.id, bucket: this.#config.bucket, key })
  }

  #cut(key: Key, cause?: unknown): LifeboatError {
    return new LifeboatError('TARGET_UNREACHABLE', { targetId: this.id, key, problem: 'cut download' }, { cause })
  }

  #mismatch(key: Key, facts: Record<string, string | number | undefined>): LifeboatError {
    return new LifeboatError('TARGET_CHECKSUM_MISMATCH', { targetId: this.id, key, ...facts })
  }
}
