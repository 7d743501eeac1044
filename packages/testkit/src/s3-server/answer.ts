import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** An answer as S3 gives it when it does not do what was asked. */
export class S3Refusal extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message = code) {
    super(message)
    this.status = status
    this.code = code
  }
}

export function answer(
  res: ServerResponse,
  status: number,
  headers: Record<string, string | number | undefined> = {},
  body?: string,
): void {
  const known = Object.entries(headers).filter((pair): pair is [string, string | number] => pair[1] !== undefined)
  res.writeHead(status, {
    'x-amz-request-id': randomBytes(8).toString('hex').toUpperCase(),
    server: 'testkit-s3',
    ...Object.fromEntries(known),
    ...(body !== undefined && { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) }),
  })
  res.end(body)
}

/** The error document; a HEAD carries none. What is left of the body is read and thrown away, so that the client gets to read this. */
export function answerRefusal(req: IncomingMessage, res: ServerResponse, refusal: S3Refusal): void {
  req.resume()
  const body = document('Error', `<Code>${refusal.code}</Code><Message>${escapeXml(refusal.message)}</Message>`)
  answer(res, refusal.status, {}, req.method === 'HEAD' ? undefined : body)
}

export function document(root: string, content: string): string {
  const space = root === 'Error' ? '' : ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${space}>${content}</${root}>`
}

export function escapeXml(text: string): string {
  const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }
  return text.replaceAll(/[&<>"']/g, (sign) => named[sign] ?? sign)
}
