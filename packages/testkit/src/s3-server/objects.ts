import { createReadStream } from 'node:fs'
import { open, readFile, unlink } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { answer, S3Refusal } from './answer.ts'
import type { S3Bucket, StoredObject } from './bucket.ts'
import { receiveBody } from './receive.ts'

/** A put may be answered untruthfully, once per lie. */
export type Lie = 'wrong-checksum-in-answer' | 'flipped-bit-on-disk' | 'md5-only' | 'another-md5-only'

const STORAGE_CLASSES = ['STANDARD', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR']

export async function putObject(
  req: IncomingMessage,
  res: ServerResponse,
  at: { bucket: S3Bucket; key: string; folder: string; lie: Lie | undefined },
): Promise<void> {
  const createOnly = demandCreateOnly(req)
  const storageClass = String(req.headers['x-amz-storage-class'] ?? 'STANDARD')
  if (!STORAGE_CLASSES.includes(storageClass)) throw new S3Refusal(400, 'InvalidStorageClass')
  const tags = tagsOf(req)
  const mode = req.headers['x-amz-object-lock-mode']
  const until = req.headers['x-amz-object-lock-retain-until-date']
  if (mode !== undefined && !at.bucket.versioned)
    throw new S3Refusal(400, 'InvalidRequest', 'Bucket is missing Object Lock Configuration')
  if (createOnly && at.bucket.current(at.key) !== undefined) throw new S3Refusal(412, 'PreconditionFailed')
  if (req.headers.expect !== undefined) res.writeContinue()
  const stored = await at.bucket.commit(at.key, await receiveBody(req, at.folder), { createOnly, storageClass, tags })
  if (mode !== undefined || until !== undefined)
    at.bucket.retain(at.key, stored.versionId, String(mode), new Date(String(until)))
  if (at.lie === 'flipped-bit-on-disk') await flipBit(stored, 0)
  if (at.lie?.endsWith('md5-only')) stored.checksums = {}
  if (at.lie === 'another-md5-only') stored.md5 = 'f'.repeat(32)
  const lied = at.lie === 'wrong-checksum-in-answer' && { 'x-amz-checksum-sha256': Buffer.alloc(32).toString('base64') }
  answer(res, 200, { etag: `"${stored.md5}"`, ...versionHeader(at.bucket, stored), ...stored.checksums, ...lied })
}

export async function getObject(
  req: IncomingMessage,
  res: ServerResponse,
  bucket: S3Bucket,
  key: string,
): Promise<void> {
  const stored = bucket.current(key)
  if (stored === undefined) throw new S3Refusal(404, 'NoSuchKey')
  const range = rangeOf(req.headers.range, stored.bytes)
  const { from = 0, to = stored.bytes - 1 } = range ?? {}
  res.writeHead(range ? 206 : 200, {
    'content-length': to - from + 1,
    'accept-ranges': 'bytes',
    etag: `"${stored.md5}"`,
    'last-modified': stored.storedAt.toUTCString(),
    ...versionHeader(bucket, stored),
    ...(stored.storageClass !== 'STANDARD' && { 'x-amz-storage-class': stored.storageClass }),
    ...(range && { 'content-range': `bytes ${from}-${to}/${stored.bytes}` }),
    ...(req.headers['x-amz-checksum-mode'] === 'ENABLED' && !range && checksumHeaders(stored)),
    ...(stored.retainUntil && {
      'x-amz-object-lock-mode': stored.lockMode ?? 'COMPLIANCE',
      'x-amz-object-lock-retain-until-date': stored.retainUntil.toISOString(),
    }),
  })
  if (req.method === 'HEAD' || to < from) return void res.end()
  // A client may hang up in the middle of a download.
  await pipeline(createReadStream(stored.path, { start: from, end: to }), res).catch(() => res.destroy())
}

/** `PUT ?retention`: an XML document whose digest is checked like that of any body. */
export async function putRetention(
  req: IncomingMessage,
  res: ServerResponse,
  at: { bucket: S3Bucket; key: string; folder: string; versionId: string | undefined },
): Promise<void> {
  const { path } = await receiveBody(req, at.folder)
  const xml = await readFile(path, 'utf8')
  await unlink(path)
  const said = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? ''
  at.bucket.retain(at.key, at.versionId, said('Mode'), new Date(said('RetainUntilDate')))
  answer(res, 200)
}

/** Flips the lowest bit of one byte where it lies, as a failing disk would: every checksum the store remembers stays. */
export async function flipBit(stored: StoredObject, offset: number): Promise<void> {
  await using file = await open(stored.path, 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset)
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, offset)
}

/** `x-amz-tagging: a=1&b=2`. */
function tagsOf(req: IncomingMessage): Record<string, string> {
  const pairs = [...new URLSearchParams(String(req.headers['x-amz-tagging'] ?? ''))]
  for (const [key, value] of pairs)
    if (!/^[\w +\-=.:/@]{1,128}$/.test(key) || value.length > 256) throw new S3Refusal(400, 'InvalidTag')
  if (pairs.length > 10) throw new S3Refusal(400, 'BadRequest', 'Object tags cannot be greater than 10')
  return Object.fromEntries(pairs)
}

function demandCreateOnly(req: IncomingMessage): boolean {
  const condition = req.headers['if-none-match']
  if (condition === undefined) return false
  if (condition !== '*') throw new S3Refusal(501, 'NotImplemented')
  return true
}

function rangeOf(header: string | undefined, bytes: number): { from: number; to: number } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '')
  if (match === null) return undefined
  const from = Number(match[1])
  if (from >= bytes) throw new S3Refusal(416, 'InvalidRange')
  return { from, to: match[2] ? Math.min(Number(match[2]), bytes - 1) : bytes - 1 }
}

function checksumHeaders(stored: StoredObject): Record<string, string> {
  return { ...stored.checksums, 'x-amz-checksum-type': 'FULL_OBJECT' }
}

function versionHeader(bucket: S3Bucket, stored: StoredObject): Record<string, string> {
  return bucket.versioned ? { 'x-amz-version-id': stored.versionId } : {}
}
