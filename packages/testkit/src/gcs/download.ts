import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { GcsRefusal } from './refusal.ts'
import { etagOf } from './resource.ts'
import type { StoredObject } from './store.ts'

/** `alt=media`: the bytes, all of them or one range. A range that begins past the end is 416. */
export async function download(
  res: ServerResponse,
  object: StoredObject,
  rangeHeader: string | undefined,
): Promise<void> {
  // Opened before the first await of the answer: an object removed meanwhile is still served whole.
  await using file = await open(object.body.path)
  const { bytes } = object.body
  const range = rangeOf(rangeHeader, bytes)
  const [first, last] = range ?? [0, bytes - 1]
  res.writeHead(range ? 206 : 200, {
    ...headersOf(object),
    'content-length': last - first + 1,
    ...(range && { 'content-range': `bytes ${first}-${last}/${bytes}` }),
  })
  if (bytes === 0) return void res.end()
  await pipeline(createReadStream('', { fd: file, start: first, end: last, autoClose: false }), res)
}

function headersOf(object: StoredObject) {
  const { body, fields } = object
  return {
    'content-type': fields.contentType ?? 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: etagOf(object),
    'x-goog-hash': `crc32c=${body.crc32c},md5=${body.md5Hash}`,
    'x-goog-generation': object.generation,
    'x-goog-metageneration': object.metageneration,
    'x-goog-storage-class': fields.storageClass ?? 'STANDARD',
    'x-goog-stored-content-length': body.bytes,
    'x-goog-stored-content-encoding': fields.contentEncoding ?? 'identity',
    ...(fields.contentEncoding && { 'content-encoding': fields.contentEncoding }),
  }
}

/** First and last byte; undefined for the whole, also when the header makes no sense, as HTTP demands. */
function rangeOf(header: string | undefined, bytes: number): [first: number, last: number] | undefined {
  const parsed = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!parsed || (parsed[1] === '' && parsed[2] === '')) return undefined
  const suffix = parsed[1] === ''
  const first = suffix ? Math.max(0, bytes - Number(parsed[2])) : Number(parsed[1])
  const last = suffix || parsed[2] === '' ? bytes - 1 : Math.min(Number(parsed[2]), bytes - 1)
  if (first >= bytes) throw new GcsRefusal(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable')
  return last < first ? undefined : [first, last]
}
