import { createHash, randomBytes } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { S3Refusal } from './answer.ts'
import { decodeAwsChunked, type Trailers } from './aws-chunked.ts'

/** A body that arrived whole and is what its checksums say; it lies on disk. */
export interface Received {
  path: string
  bytes: number
  md5: string
  /** As sent by the client, base64, by header name. */
  checksums: Record<string, string>
}

const TRAILER_PAYLOAD = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'

/** Takes a body of announced length to disk and compares every checksum the client sent, in headers or trailer. */
export async function receiveBody(req: IncomingMessage, folder: string): Promise<Received> {
  const expected = announcedLength(req)
  const trailers: Trailers = {}
  const payload = String(req.headers['x-amz-content-sha256'])
  if (payload.startsWith('STREAMING-') && payload !== TRAILER_PAYLOAD) throw new S3Refusal(501, 'NotImplemented')
  // Only TLS may vouch for bytes that no signature covers.
  if (payload === 'UNSIGNED-PAYLOAD') throw new S3Refusal(400, 'InvalidRequest', 'an unsigned payload needs https')
  const body = payload === TRAILER_PAYLOAD ? decodeAwsChunked(req, trailers) : (req as AsyncIterable<Buffer>)
  const path = join(folder, randomBytes(12).toString('hex'))
  try {
    const sums = await writeBody(path, body, expected)
    if (/^[0-9a-f]{64}$/.test(payload) && payload !== sums.sha256.toString('hex'))
      throw new S3Refusal(400, 'XAmzContentSHA256Mismatch')
    const checksums = demandChecksums({ ...req.headers, ...trailers }, sums)
    return { path, bytes: expected, md5: sums.md5.toString('hex'), checksums }
  } catch (thrown) {
    await unlink(path).catch(() => undefined)
    throw thrown
  }
}

interface Sums {
  md5: Buffer
  sha256: Buffer
  crc32: Buffer
}

async function writeBody(path: string, body: AsyncIterable<Buffer>, expected: number): Promise<Sums> {
  const md5 = createHash('md5')
  const sha256 = createHash('sha256')
  let crc = 0
  let bytes = 0
  await using file = await open(path, 'wx')
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > expected) throw new S3Refusal(400, 'IncompleteBody', 'the body is longer than announced')
    md5.update(chunk)
    sha256.update(chunk)
    crc = crc32(chunk, crc)
    await file.writeFile(chunk)
  }
  if (bytes < expected) throw new S3Refusal(400, 'IncompleteBody', 'the body is shorter than announced')
  const crcBytes = Buffer.alloc(4)
  crcBytes.writeUInt32BE(crc)
  return { md5: md5.digest(), sha256: sha256.digest(), crc32: crcBytes }
}

function announcedLength(req: IncomingMessage): number {
  const header = req.headers['x-amz-decoded-content-length'] ?? req.headers['content-length']
  if (header === undefined) throw new S3Refusal(411, 'MissingContentLength')
  return Number(header)
}

function demandChecksums(sent: Record<string, string | string[] | undefined>, sums: Sums): Record<string, string> {
  const computed: Record<string, string> = {
    'content-md5': sums.md5.toString('base64'),
    'x-amz-checksum-sha256': sums.sha256.toString('base64'),
    'x-amz-checksum-crc32': sums.crc32.toString('base64'),
  }
  const checksums: Record<string, string> = {}
  for (const [name, value] of Object.entries(computed)) {
    if (sent[name] === undefined) continue
    if (sent[name] !== value) throw new S3Refusal(400, 'BadDigest', `${name} does not match the body`)
    if (name !== 'content-md5') checksums[name] = value
  }
  return checksums
}
