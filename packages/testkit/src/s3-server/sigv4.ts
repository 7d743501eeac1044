import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { S3Refusal } from './answer.ts'

export interface S3Credentials {
  accessKeyId: string
  secretAccessKey: string
}

const ALLOWED_SKEW_MS = 15 * 60_000

/**
 * Checks the signature of a request: who, when, for which region, over which headers; the payload's hash is part of it and checked later.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function demandSignature(req: IncomingMessage, url: URL, known: S3Credentials, region: string): void {
  const authorization = parseAuthorization(req.headers.authorization)
  const [accessKeyId, date = '', signedRegion, service, terminator] = authorization.credential.split('/')
  if (accessKeyId !== known.accessKeyId) throw new S3Refusal(403, 'InvalidAccessKeyId')
  if (signedRegion !== region || service !== 's3' || terminator !== 'aws4_request')
    throw new S3Refusal(
      400,
      'AuthorizationHeaderMalformed',
      `the region '${signedRegion}' is wrong; expecting '${region}'`,
    )
  const stamp = String(req.headers['x-amz-date'])
  demandFresh(stamp, date)
  demandSignedHeaders(req, authorization.signedHeaders)
  const scope = [date, region, 's3', 'aws4_request'].join('/')
  const canonical = canonicalRequest(req, url, authorization.signedHeaders)
  const toSign = ['AWS4-HMAC-SHA256', stamp, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const expected = hmac(signingKey(known.secretAccessKey, scope), toSign).toString('hex')
  if (!equalText(expected, authorization.signature)) throw new S3Refusal(403, 'SignatureDoesNotMatch')
}

function parseAuthorization(header: string | undefined): {
  credential: string
  signedHeaders: string[]
  signature: string
} {
  if (header === undefined) throw new S3Refusal(403, 'AccessDenied', 'the request is not signed')
  const match = /^AWS4-HMAC-SHA256 Credential=(\S+?),\s*SignedHeaders=(\S+?),\s*Signature=([0-9a-f]{64})$/.exec(header)
  if (match === null) throw new S3Refusal(400, 'AuthorizationHeaderMalformed')
  const [, credential = '', headers = '', signature = ''] = match
  return { credential, signedHeaders: headers.split(';'), signature }
}

function demandFresh(stamp: string, date: string): void {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp)
  if (match === null || !stamp.startsWith(date))
    throw new S3Refusal(403, 'AccessDenied', 'x-amz-date is wrong or missing')
  const [, year, month, day, hour, minute, second] = match.map(Number)
  const at = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second)
  if (Math.abs(Date.now() - at) > ALLOWED_SKEW_MS) throw new S3Refusal(403, 'RequestTimeTooSkewed')
}

function demandSignedHeaders(req: IncomingMessage, signed: string[]): void {
  const owed = Object.keys(req.headers).filter((name) => name === 'host' || name.startsWith('x-amz-'))
  const missing = owed.filter((name) => !signed.includes(name))
  if (missing.length > 0)
    throw new S3Refusal(403, 'AccessDenied', `there were headers present which were not signed: ${missing}`)
}

function canonicalRequest(req: IncomingMessage, url: URL, signedHeaders: string[]): string {
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .sort((one, other) => (one < other ? -1 : 1))
  const path = url.pathname
    .split('/')
    .map((segment) => encodeRfc3986(decodeURIComponent(segment)))
    .join('/')
  const headers = signedHeaders.map(
    (name) =>
      `${name}:${String(req.headers[name] ?? '')
        .trim()
        .replaceAll(/ +/g, ' ')}\n`,
  )
  const payload = String(req.headers['x-amz-content-sha256'])
  return [req.method, path, query.join('&'), headers.join(''), signedHeaders.join(';'), payload].join('\n')
}

function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}

function signingKey(secret: string, scope: string): Buffer {
  return scope.split('/').reduce<Buffer>((key, step) => hmac(key, step), Buffer.from(`AWS4${secret}`))
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function equalText(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}
