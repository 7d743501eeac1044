import { Readable } from 'node:stream'
import {
  AnonymousCredential,
  type BlockBlobClient,
  ContainerClient,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { Md5, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { putBlocks } from './azure-blocks.ts'
import { azureStatusOf, translateAzure } from './azure-errors.ts'
import { checkedBody } from './checked-body.ts'
import { inByteOrder } from './in-byte-order.ts'
import { settleCreate } from './settle-create.ts'
import type { PutOptions, Receipt, Target } from './target.ts'
import type { AzureConfig } from './target-config.ts'
import { wholeDownload } from './whole-download.ts'

/** Archive is missing on purpose: what lies there cannot be read for hours. */
const TIERS = ['Hot', 'Cool', 'Cold']

/** Sizes the service and our memory set; tests make them small. */
export interface AzureLimits {
  /** A body up to this long goes in one Put Blob. */
  putBlobBytes: number
  /** Longer ones go in blocks of this size, one in memory at a time; there may be 50 000. */
  blockBytes: number
  pageItems: number
}

const SERVICE_LIMITS: AzureLimits = { putBlobBytes: 5000 * 1024 ** 2, blockBytes: 8 * 1024 ** 2, pageItems: 1000 }

interface Where {
  id: TargetId
  container: ContainerClient
  /** Ends in a slash, or is empty. */
  prefix: string
  tiers: AzureConfig['storageClass']
  limits: AzureLimits
}

/**
 * A container of Azure Blob Storage. Creates carry `If-None-Match: *` and the MD5 twice: once to be checked against what arrives, once to be kept.
 *
 * @throws LifeboatError CONFIG_INVALID when there is neither key nor token, or for a tier that cannot be read at once
 */
export async function openAzure(
  id: TargetId,
  config: AzureConfig,
  ctx: { resolveSecret: (ref: SecretRef) => Secret | Promise<Secret> },
  limits: AzureLimits = SERVICE_LIMITS,
): Promise<Target> {
  demandTiers(id, config)
  const prefix = config.prefix === '' ? '' : `${config.prefix}/`
  const container = await containerClient(id, config, ctx.resolveSecret)
  const at: Where = { id, container, prefix, tiers: config.storageClass, limits }
  return {
    id,
    kind: 'azure',
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
    // Of blocks the service checks each, but never the whole.
    const digest = opts.bytes > at.limits.putBlobBytes
    return await upload(at, key, checkedBody(key, body, opts, { digest }), opts)
  } catch (failure) {
    return await settleCreate(failure, opts, () => stat(at, key, opts))
  }
}

async function upload(at: Where, key: Key, source: Readable, opts: PutOptions): Promise<Receipt> {
  // A body that breaks ends the request at once and stays its own error; the client would call it a network error of the store.
  const broken = new AbortController()
  source.once('error', (err) => broken.abort(err))
  const abortSignal = AbortSignal.any([opts.signal, broken.signal])
  const md5 = Buffer.from(opts.md5, 'hex')
  const tier = at.tiers[opts.role]
  const storing = {
    abortSignal,
    conditions: { ifNoneMatch: '*' },
    blobHTTPHeaders: { blobContentType: 'application/octet-stream', blobContentMD5: md5 },
    ...(tier !== undefined && { tier }),
  }
  const blob = blobOf(at, key)
  try {
    const stored =
      opts.bytes <= at.limits.putBlobBytes
        ? await blob.upload(source, opts.bytes, { ...storing, transactionalContentMD5: md5 })
        : await putBlocks(blob, source, storing, at.limits.blockBytes)
    return confirmed(at, key, opts, stored)
  } catch (thrown) {
    broken.signal.throwIfAborted()
    throw translateAzure(thrown, { targetId: at.id, key })
  } finally {
    source.destroy()
  }
}

/** Put Blob answers with the MD5 of what arrived; a committed block list has none, its blocks were checked one by one. */
function confirmed(
  at: Where,
  key: Key,
  opts: PutOptions,
  answer: { contentMD5?: Uint8Array; lastModified?: Date },
): Receipt {
  const md5 = answer.contentMD5 ? Buffer.from(answer.contentMD5).toString('hex') : opts.md5
  if (md5 !== opts.md5) throw new LifeboatError('TARGET_CHECKSUM_MISMATCH', { targetId: at.id, key, actualMd5: md5 })
  return { key, bytes: opts.bytes, md5: opts.md5, ...storedAt(answer.lastModified) }
}

async function get(at: Where, key: Key, opts: { from?: number; signal: AbortSignal }): Promise<Readable> {
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

async function stat(at: Where, key: Key, { signal }: { signal: AbortSignal }): Promise<Receipt | undefined> {
  signal.throwIfAborted()
  try {
    const { contentLength, contentMD5, lastModified } = await blobOf(at, key).getProperties({ abortSignal: signal })
    return { key, bytes: contentLength ?? 0, ...md5Of(contentMD5), ...storedAt(lastModified) }
  } catch (thrown) {
    signal.throwIfAborted()
    return absentOrThrow(thrown, { targetId: at.id, key })
  }
}

async function* list(at: Where, under: Key, { signal }: { signal: AbortSignal }): AsyncGenerator<Receipt> {
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
        const { contentLength, contentMD5, lastModified } = properties
        yield { key, bytes: contentLength ?? 0, ...md5Of(contentMD5), ...storedAt(lastModified) }
      }
  } catch (thrown) {
    signal.throwIfAborted()
    throw translateAzure(thrown, { targetId: at.id })
  }
}

async function remove(at: Where, key: Key, { signal }: { signal: AbortSignal }): Promise<void> {
  signal.throwIfAborted()
  try {
    await blobOf(at, key).delete({ abortSignal: signal })
  } catch (thrown) {
    signal.throwIfAborted()
    absentOrThrow(thrown, { targetId: at.id, key })
  }
}

function absentOrThrow(thrown: unknown, facts: { targetId: string; key: Key }): undefined {
  const failure = translateAzure(thrown, facts)
  if (failure.code !== 'TARGET_KEY_ABSENT') throw failure
}

function blobOf(at: Where, key: Key): BlockBlobClient {
  return at.container.getBlockBlobClient(at.prefix + key)
}

function md5Of(md5: Uint8Array | undefined): { md5?: Md5 } {
  return md5 && md5.byteLength > 0 ? { md5: Buffer.from(md5).toString('hex') as Md5 } : {}
}

function storedAt(moment: Date | undefined): { storedAt?: string } {
  return moment ? { storedAt: moment.toISOString() } : {}
}

async function containerClient(
  id: TargetId,
  config: AzureConfig,
  resolveSecret: (ref: SecretRef) => Secret | Promise<Secret>,
): Promise<ContainerClient> {
  const service = config.endpoint ?? `https://${config.account}.blob.core.windows.net`
  const url = new URL(`${service.replace(/\/$/, '')}/${config.container}`)
  const options = { retryOptions: { maxTries: 1 } }
  if (config.accountKey !== undefined) {
    const key = await resolveSecret(config.accountKey)
    return new ContainerClient(url.href, new StorageSharedKeyCredential(config.account, key.reveal().trim()), options)
  }
  if (config.sasToken === undefined)
    throw new LifeboatError('CONFIG_INVALID', { targetId: id, missing: 'accountKey or sasToken' })
  url.search = (await resolveSecret(config.sasToken)).reveal().trim()
  return new ContainerClient(url.href, new AnonymousCredential(), options)
}

function demandTiers(id: TargetId, { storageClass }: AzureConfig): void {
  for (const [role, chosen] of Object.entries(storageClass))
    if (!TIERS.includes(chosen))
      throw new LifeboatError('CONFIG_INVALID', {
        targetId: id,
        field: `storageClass.${role}`,
        value: chosen,
        allowed: TIERS,
      })
}
