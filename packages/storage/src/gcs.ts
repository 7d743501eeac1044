import { once } from 'node:events'
import { Readable, type Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { type Bucket, type File, type FileMetadata, Storage } from '@google-cloud/storage'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { Md5, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { abortableRequests } from './abortable-requests.ts'
import { checkedBody } from './checked-body.ts'
import { statusOf, translateGcs } from './gcs-errors.ts'
import { compareContent } from './same-content.ts'
import { settleCreate } from './settle-create.ts'
import type { PutOptions, Receipt, Target } from './target.ts'
import type { GcsConfig } from './target-config.ts'
import { wholeDownload } from './whole-download.ts'

const PAGE_ITEMS = 1000
/** Readable at once, unlike the archive tiers of other clouds. */
const CLASSES = ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE']

interface Where {
  id: TargetId
  bucket: Bucket
  /** Ends in a slash, or is empty. */
  prefix: string
  storageClass: GcsConfig['storageClass']
}

/**
 * A bucket of Google Cloud Storage. Creates carry `ifGenerationMatch=0` and the MD5, which the service checks before it stores anything.
 *
 * @throws LifeboatError CONFIG_INVALID for credentials that are no JSON or a storage class Google does not have
 */
export async function openGcs(
  id: TargetId,
  config: GcsConfig,
  ctx: { resolveSecret: (ref: SecretRef) => Secret | Promise<Secret> },
): Promise<Target> {
  demandClasses(id, config)
  const secret = config.credentials && (await ctx.resolveSecret(config.credentials))
  const storage = new Storage({
    ...(config.projectId !== undefined && { projectId: config.projectId }),
    ...(config.endpoint !== undefined && { apiEndpoint: config.endpoint }),
    ...(secret && { credentials: parseCredentials(id, secret), useAuthWithCustomEndpoint: true }),
    retryOptions: { autoRetry: false },
  })
  const prefix = config.prefix === '' ? '' : `${config.prefix}/`
  const at: Where = { id, bucket: storage.bucket(config.bucket), prefix, storageClass: config.storageClass }
  return {
    id,
    kind: 'gcs',
    abilities: { immutability: true, conditionalPut: true },
    put: (key, body, opts) => put(at, key, body, opts),
    get: (key, opts) => get(at, key, opts),
    stat: (key, opts) => stat(at, key, opts),
    list: (under, opts) => list(at, under, opts),
    remove: (key, opts) => remove(at, key, opts),
    async [Symbol.asyncDispose]() {},
  }
}

async function put(at: Where, key: Key, body: () => Readable, opts: PutOptions): Promise<Receipt> {
  opts.signal.throwIfAborted()
  try {
    const stored = await upload(at, key, checkedBody(key, body, opts, { digest: false }), opts)
    if (compareContent(stored, opts) !== 'same') throw await takeBack(at, key, opts)
    return stored
  } catch (failure) {
    return await settleCreate(failure, opts, () => stat(at, key, opts))
  }
}

/** One request, multipart/related. Whatever breaks it cuts the connection before the closing boundary, so nothing is stored. */
async function upload(at: Where, key: Key, source: Readable, { md5, role, signal }: PutOptions): Promise<Receipt> {
  const file = at.bucket.file(at.prefix + key)
  const storageClass = at.storageClass[role]
  const sink = file.createWriteStream({
    resumable: false,
    validation: false,
    preconditionOpts: { ifGenerationMatch: 0 },
    metadata: {
      contentType: 'application/octet-stream',
      md5Hash: Buffer.from(md5, 'hex').toString('base64'),
      ...(storageClass !== undefined && { storageClass }),
    },
  })
  const stored = finished(sink).catch((thrown: unknown) => {
    throw refusedCreate(thrown, { targetId: at.id, key })
  })
  try {
    await abortableRequests(signal, () => Promise.race([stored, write(source, sink).then(() => stored)]))
    return receiptOf(key, file.metadata)
  } finally {
    source.destroy()
    sink.destroy()
  }
}

/** By hand rather than by pipe: the first write begins the request, which so belongs to the work that is aborted with it. */
async function write(source: Readable, sink: Writable): Promise<void> {
  for await (const chunk of source) if (!sink.write(chunk)) await new Promise((drained) => sink.once('drain', drained))
  sink.end()
}

/** What the store confirmed is not what was sent: better nothing under the key than that. */
async function takeBack(at: Where, key: Key, { signal }: PutOptions): Promise<LifeboatError> {
  await remove(at, key, { signal }).catch(() => undefined)
  return new LifeboatError('TARGET_CHECKSUM_MISMATCH', { targetId: at.id, key })
}

/** With a digest sent and the shape of the request known to be right, 400 can only be about the digest. */
function refusedCreate(thrown: unknown, facts: { targetId: string; key: Key }): LifeboatError {
  const status = statusOf(thrown)
  if (status === 400) return new LifeboatError('TARGET_CHECKSUM_MISMATCH', facts, { cause: thrown })
  if (status === 412) return new LifeboatError('TARGET_KEY_TAKEN', facts, { cause: thrown })
  return translateGcs(thrown, facts)
}

async function get(at: Where, key: Key, opts: { from?: number; signal: AbortSignal }): Promise<Readable> {
  const { from = 0, signal } = opts
  const body = at.bucket
    .file(at.prefix + key)
    .createReadStream({ validation: false, decompress: false, ...(from > 0 && { start: from }) })
  try {
    const announced = await abortableRequests(signal, () => firstAnswer(body))
    return wholeDownload(body, { announced, signal, facts: { targetId: at.id, key } })
  } catch (thrown) {
    body.destroy()
    signal.throwIfAborted()
    // Beginning at the very end, or later, is no range to Google.
    if (statusOf(thrown) === 416) return Readable.from([])
    if (statusOf(thrown) !== 404) throw translateGcs(thrown, { targetId: at.id, key })
    await demandBucket(at, signal)
    throw new LifeboatError('TARGET_KEY_ABSENT', { targetId: at.id, key })
  }
}

interface Answer extends Readable {
  statusCode: number
  headers: Record<string, string>
  request: { agent?: unknown }
}

/** @returns the length the answer announces */
async function firstAnswer(body: Readable): Promise<number> {
  body.once('response', (answer: Answer) => {
    // NOTE: of a download that breaks or is left half read the client destroys the agent, and with it the connections of all other work.
    answer.request.agent = undefined
    // The client itself hangs more than ten listeners on one answer.
    answer.setMaxListeners(0)
  })
  body.read(0)
  const [answer] = (await once(body, 'response')) as [Answer]
  if (answer.statusCode !== 200 && answer.statusCode !== 206) {
    const [refusal] = (await once(body, 'error')) as [Error]
    throw refusal
  }
  return Number(answer.headers['content-length'])
}

async function stat(at: Where, key: Key, { signal }: { signal: AbortSignal }): Promise<Receipt | undefined> {
  const file = at.bucket.file(at.prefix + key)
  try {
    const [metadata] = await abortableRequests(signal, () => file.getMetadata())
    return receiptOf(key, metadata)
  } catch (thrown) {
    signal.throwIfAborted()
    if (statusOf(thrown) !== 404) throw translateGcs(thrown, { targetId: at.id, key })
    await demandBucket(at, signal)
    return undefined
  }
}

/** A missing bucket and a missing object are both 404; a list tells them apart and needs no right the backups do not need anyway. */
async function demandBucket(at: Where, signal: AbortSignal): Promise<void> {
  await page(at, { prefix: at.prefix, maxResults: 1 }, signal)
}

async function* list(at: Where, under: Key, { signal }: { signal: AbortSignal }): AsyncGenerator<Receipt> {
  let pageToken: string | undefined
  do {
    const [objects, next] = await page(
      at,
      { prefix: at.prefix + under, maxResults: PAGE_ITEMS, ...(pageToken && { pageToken }) },
      signal,
    )
    for (const object of objects) {
      const key = object.name.slice(at.prefix.length)
      // What consoles leave behind to show an empty folder is no object of ours.
      if (!key.endsWith('/') && key !== '') yield receiptOf(key, object)
      signal.throwIfAborted()
    }
    pageToken = next?.pageToken
  } while (pageToken !== undefined)
}

/** With `fields` given the client hands out the plain resources, whatever its types say. */
type Page = [objects: (FileMetadata & { name: string })[], next: { pageToken?: string } | null]

async function page(
  at: Where,
  query: { prefix: string; maxResults: number; pageToken?: string },
  signal: AbortSignal,
): Promise<Page> {
  const fields = 'items(name,size,md5Hash,timeCreated),nextPageToken'
  try {
    const work = () => at.bucket.getFiles({ ...query, fields, autoPaginate: false })
    return (await abortableRequests(signal, work)) as unknown as Page
  } catch (thrown) {
    signal.throwIfAborted()
    throw translateGcs(thrown, { targetId: at.id })
  }
}

async function remove(at: Where, key: Key, { signal }: { signal: AbortSignal }): Promise<void> {
  const file = at.bucket.file(at.prefix + key)
  try {
    await abortableRequests(signal, () => file.delete())
  } catch (thrown) {
    signal.throwIfAborted()
    if (statusOf(thrown) === 404) return await demandBucket(at, signal)
    if (statusOf(thrown) === 403 && (await isHeld(file, signal)))
      throw new LifeboatError('TARGET_HELD', { targetId: at.id, key }, { cause: thrown })
    throw translateGcs(thrown, { targetId: at.id, key })
  }
}

/** The same 403 means "held" and "not allowed"; the object itself knows. */
async function isHeld(file: File, signal: AbortSignal): Promise<boolean> {
  const [metadata] = await abortableRequests(signal, () => file.getMetadata()).catch(() => [{} as FileMetadata])
  const { temporaryHold, eventBasedHold, retentionExpirationTime, retention } = metadata
  const until = [retentionExpirationTime, retention?.retainUntilTime].map((moment) => Date.parse(String(moment)))
  return temporaryHold === true || eventBasedHold === true || until.some((moment) => moment > Date.now())
}

function receiptOf(key: Key, { size, md5Hash, timeCreated }: FileMetadata): Receipt {
  return {
    key,
    bytes: Number(size),
    ...(md5Hash !== undefined && { md5: Buffer.from(md5Hash, 'base64').toString('hex') as Md5 }),
    ...(timeCreated !== undefined && { storedAt: timeCreated }),
  }
}

function demandClasses(id: TargetId, { storageClass }: GcsConfig): void {
  for (const [role, chosen] of Object.entries(storageClass))
    if (!CLASSES.includes(chosen))
      throw new LifeboatError('CONFIG_INVALID', {
        targetId: id,
        field: `storageClass.${role}`,
        value: chosen,
        allowed: CLASSES,
      })
}

function parseCredentials(id: TargetId, secret: Secret): object {
  try {
    return JSON.parse(secret.reveal().trim()) as object
  } catch {
    throw new LifeboatError('CONFIG_INVALID', {
      targetId: id,
      field: 'credentials',
      expected: 'JSON of a service account',
    })
  }
}
