import type { Readable } from 'node:stream'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { putBlocks } from './azure-blocks.ts'
import { translateAzure } from './azure-errors.ts'
import { blobOf, policyUntil, storedAt, type Where } from './azure-place.ts'
import { stat } from './azure-read.ts'
import { checkedBody } from './checked-body.ts'
import { lockAtWrite } from './lock.ts'
import { MOVE_TAG, moveMark } from './move-mark.ts'
import { settleCreate } from './settle-create.ts'
import type { PutOptions, Receipt } from './target.ts'
import { type PutWithMd5, withMd5 } from './with-md5.ts'

/** A create, never an overwrite: `If-None-Match: *`, in one checked request or, beyond what one may carry, in checked blocks. */
export async function put(at: Where, key: Key, body: () => Readable, opts: PutOptions): Promise<Receipt> {
  opts.signal.throwIfAborted()
  const known = await withMd5(key, body, opts)
  try {
    // Of blocks the service checks each, but never the whole.
    const digest = known.bytes > at.limits.putBlobBytes
    return await upload(at, key, checkedBody(key, body, known, { digest }), known)
  } catch (failure) {
    return await settleCreate(failure, known, () => stat(at, key, known))
  }
}

async function upload(at: Where, key: Key, source: Readable, opts: PutWithMd5): Promise<Receipt> {
  // A body that breaks ends the request at once and stays its own error; the client would call it a network error of the store.
  const broken = new AbortController()
  source.once('error', (err) => broken.abort(err))
  const abortSignal = AbortSignal.any([opts.signal, broken.signal])
  const md5 = Buffer.from(opts.md5, 'hex')
  const tier = at.tiers[opts.role]
  const until = lockAtWrite(at.lock, key, opts)
  const mark = moveMark(at.transition, key, opts)
  const storing = {
    abortSignal,
    conditions: { ifNoneMatch: '*' },
    blobHTTPHeaders: { blobContentType: 'application/octet-stream', blobContentMD5: md5 },
    ...(tier !== undefined && { tier }),
    ...(mark && { tags: { [MOVE_TAG]: mark.kind } }),
    ...(until && { immutabilityPolicy: policyUntil(at, until) }),
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
  opts: PutWithMd5,
  answer: { contentMD5?: Uint8Array; lastModified?: Date },
): Receipt {
  const md5 = answer.contentMD5 ? Buffer.from(answer.contentMD5).toString('hex') : opts.md5
  if (md5 !== opts.md5) throw new LifeboatError('TARGET_CHECKSUM_MISMATCH', { targetId: at.id, key, actualMd5: md5 })
  return { key, bytes: opts.bytes, md5: opts.md5, ...storedAt(answer.lastModified) }
}
