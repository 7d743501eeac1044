import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { File, FileMetadata } from '@google-cloud/storage'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { abortableRequests } from './abortable-requests.ts'
import { statusOf, translateGcs } from './gcs-errors.ts'
import { keptUntil, receiptOf, retentionUntil, type Where } from './gcs-place.ts'
import { momentOf } from './moment-of.ts'
import type { Receipt } from './target.ts'
import { wholeDownload } from './whole-download.ts'

const PAGE_ITEMS = 1000

export async function get(at: Where, key: Key, opts: { from?: number; signal: AbortSignal }): Promise<Readable> {
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

export async function stat(at: Where, key: Key, { signal }: { signal: AbortSignal }): Promise<Receipt | undefined> {
  const file = at.bucket.file(at.prefix + key)
  try {
    const [metadata, answer] = await abortableRequests(signal, () => file.getMetadata())
    const answeredAt = momentOf((answer as { headers?: Record<string, string> } | undefined)?.headers?.date)
    return { ...receiptOf(key, metadata), ...(answeredAt && { answeredAt }) }
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

export async function* list(at: Where, under: Key, { signal }: { signal: AbortSignal }): AsyncGenerator<Receipt> {
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
      if (!key.endsWith('/') && key !== '')
        yield { ...receiptOf(key, object), ...(object.storageClass && { storageClass: object.storageClass }) }
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
  const fields = 'items(name,size,md5Hash,timeCreated,storageClass),nextPageToken'
  try {
    const work = () => at.bucket.getFiles({ ...query, fields, autoPaginate: false })
    return (await abortableRequests(signal, work)) as unknown as Page
  } catch (thrown) {
    signal.throwIfAborted()
    throw translateGcs(thrown, { targetId: at.id })
  }
}

export async function remove(at: Where, key: Key, { signal }: { signal: AbortSignal }): Promise<void> {
  const file = at.bucket.file(at.prefix + key)
  try {
    await abortableRequests(signal, () => file.delete())
  } catch (thrown) {
    signal.throwIfAborted()
    if (statusOf(thrown) === 404) return await demandBucket(at, signal)
    const held = statusOf(thrown) === 403 && (await heldOf(file, signal))
    if (held) throw new LifeboatError('TARGET_HELD', { targetId: at.id, key, ...held }, { cause: thrown })
    throw translateGcs(thrown, { targetId: at.id, key })
  }
}

/** The same 403 means "held" and "not allowed"; the object itself knows. */
async function heldOf(file: File, signal: AbortSignal): Promise<{ until?: string } | undefined> {
  const [metadata] = await abortableRequests(signal, () => file.getMetadata()).catch(() => [{} as FileMetadata])
  const until = keptUntil(metadata)
  if (until !== undefined && until.getTime() > Date.now()) return { until: until.toISOString() }
  return metadata.temporaryHold === true || metadata.eventBasedHold === true ? {} : undefined
}

/** Longer is allowed in both modes; shorter in none that is asked for here. */
export async function extendLock(at: Where, key: Key, until: Date, signal: AbortSignal): Promise<void> {
  const file = at.bucket.file(at.prefix + key)
  try {
    await abortableRequests(signal, () => file.setMetadata(retentionUntil(at, until)))
  } catch (thrown) {
    signal.throwIfAborted()
    if (statusOf(thrown) !== 404) throw translateGcs(thrown, { targetId: at.id, key })
    await demandBucket(at, signal)
    throw new LifeboatError('TARGET_KEY_ABSENT', { targetId: at.id, key })
  }
}
