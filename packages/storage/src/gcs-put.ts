import type { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { abortableRequests } from './abortable-requests.ts'
import { checkedBody } from './checked-body.ts'
import { statusOf, translateGcs } from './gcs-errors.ts'
import { moveTime, receiptOf, retentionUntil, type Where } from './gcs-place.ts'
import { remove, stat } from './gcs-read.ts'
import { lockAtWrite } from './lock.ts'
import { moveMark } from './move-mark.ts'
import { compareContent } from './same-content.ts'
import { settleCreate } from './settle-create.ts'
import type { PutOptions, Receipt } from './target.ts'
import { type PutWithMd5, withMd5 } from './with-md5.ts'

/** A create, never an overwrite: `ifGenerationMatch=0`, the MD5 sent and compared with what the service says it stored. */
export async function put(at: Where, key: Key, body: () => Readable, opts: PutOptions): Promise<Receipt> {
  opts.signal.throwIfAborted()
  const known = await withMd5(key, body, opts)
  try {
    const stored = await upload(at, key, checkedBody(key, body, known, { digest: false }), known)
    if (compareContent(stored, known) !== 'same') throw await takeBack(at, key, known)
    return stored
  } catch (failure) {
    return await settleCreate(failure, known, () => stat(at, key, known))
  }
}

/** One request, multipart/related. Whatever breaks it cuts the connection before the closing boundary, so nothing is stored. */
async function upload(at: Where, key: Key, source: Readable, opts: PutWithMd5): Promise<Receipt> {
  const { md5, role, signal } = opts
  const file = at.bucket.file(at.prefix + key)
  const storageClass = at.storageClass[role]
  const until = lockAtWrite(at.lock, key, opts)
  const mark = moveMark(at.transition, key, opts)
  const sink = file.createWriteStream({
    resumable: false,
    validation: false,
    preconditionOpts: { ifGenerationMatch: 0 },
    metadata: {
      contentType: 'application/octet-stream',
      md5Hash: Buffer.from(md5, 'hex').toString('base64'),
      ...(storageClass !== undefined && { storageClass }),
      ...(mark && moveTime(mark)),
      ...(until && retentionUntil(at, until)),
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
