import { Readable } from 'node:stream'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { azureStatusOf, translateAzure } from './azure-errors.ts'
import { blobOf, md5Of, policyUntil, storedAt, type Where } from './azure-place.ts'
import { inByteOrder } from './in-byte-order.ts'
import type { Receipt } from './target.ts'
import { wholeDownload } from './whole-download.ts'

export async function get(at: Where, key: Key, opts: { from?: number; signal: AbortSignal }): Promise<Readable> {
  const { from = 0, signal } = opts
  const facts = { targetId: at.id, key }
  signal.throwIfAborted()
  try {
    const answer = await blobOf(at, key).download(from, undefined, { abortSignal: signal, maxRetryRequests: 0 })
    return wholeDownload(answer.readableStreamBody as Readable, {
      announced: answer.contentLength ?? Number.NaN,
      signal,
      facts,
    })
  } catch (thrown) {
    signal.throwIfAborted()
    // Beginning at the very end, or later, is no range to Azure.
    if (azureStatusOf(thrown) === 416) return Readable.from([])
    throw translateAzure(thrown, facts)
  }
}

export async function stat(at: Where, key: Key, { signal }: { signal: AbortSignal }): Promise<Receipt | undefined> {
  signal.throwIfAborted()
  try {
    const answer = await blobOf(at, key).getProperties({ abortSignal: signal })
    const { contentLength, contentMD5, lastModified, immutabilityPolicyExpiresOn: until, date } = answer
    const lockedUntil = until && { lockedUntil: until.toISOString() }
    const answeredAt = date && { answeredAt: date.toISOString() }
    const times = { ...storedAt(lastModified), ...answeredAt, ...lockedUntil }
    return { key, bytes: contentLength ?? 0, ...md5Of(contentMD5), ...times }
  } catch (thrown) {
    signal.throwIfAborted()
    return absentOrThrow(thrown, { targetId: at.id, key })
  }
}

export async function* list(at: Where, under: Key, { signal }: { signal: AbortSignal }): AsyncGenerator<Receipt> {
  for await (const receipt of inByteOrder(listAsServed(at, under, signal))) {
    signal.throwIfAborted()
    yield receipt
  }
  signal.throwIfAborted()
}

async function* listAsServed(at: Where, under: Key, signal: AbortSignal): AsyncGenerator<Receipt> {
  signal.throwIfAborted()
  const pages = at.container
    .listBlobsFlat({ prefix: at.prefix + under, abortSignal: signal })
    .byPage({ maxPageSize: at.limits.pageItems })
  try {
    for await (const { segment } of pages)
      for (const { name, properties } of segment.blobItems) {
        const key = name.slice(at.prefix.length)
        if (key === '' || key.endsWith('/')) continue
        const { contentLength, contentMD5, lastModified, accessTier } = properties
        const storageClass = accessTier && { storageClass: accessTier }
        yield { key, bytes: contentLength ?? 0, ...md5Of(contentMD5), ...storedAt(lastModified), ...storageClass }
      }
  } catch (thrown) {
    signal.throwIfAborted()
    throw translateAzure(thrown, { targetId: at.id })
  }
}

export async function remove(at: Where, key: Key, { signal }: { signal: AbortSignal }): Promise<void> {
  signal.throwIfAborted()
  try {
    await blobOf(at, key).delete({ abortSignal: signal })
  } catch (thrown) {
    signal.throwIfAborted()
    const failure = translateAzure(thrown, { targetId: at.id, key })
    if (failure.code === 'TARGET_KEY_ABSENT') return
    if (failure.code !== 'TARGET_HELD') throw failure
    // The refusal names no date; the blob does.
    const until = (await stat(at, key, { signal }).catch(() => undefined))?.lockedUntil
    throw new LifeboatError('TARGET_HELD', { ...failure.facts, ...(until && { until }) }, { cause: thrown })
  }
}

export async function extendLock(at: Where, key: Key, until: Date, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  try {
    await blobOf(at, key).setImmutabilityPolicy(policyUntil(at, until), { abortSignal: signal })
  } catch (thrown) {
    signal.throwIfAborted()
    throw translateAzure(thrown, { targetId: at.id, key })
  }
}

function absentOrThrow(thrown: unknown, facts: { targetId: string; key: Key }): undefined {
  const failure = translateAzure(thrown, facts)
  if (failure.code !== 'TARGET_KEY_ABSENT') throw failure
}
