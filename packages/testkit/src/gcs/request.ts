import type { IncomingMessage, ServerResponse } from 'node:http'
import { invalid } from './refusal.ts'
import type { ObjectFields, Preconditions } from './store.ts'

const JSON_LIMIT_BYTES = 1024 * 1024
const CONDITIONS = [
  'ifGenerationMatch',
  'ifGenerationNotMatch',
  'ifMetagenerationMatch',
  'ifMetagenerationNotMatch',
] as const
const FIELDS = [
  'contentType',
  'contentEncoding',
  'contentDisposition',
  'cacheControl',
  'storageClass',
  'customTime',
] as const

/** What a client says about an object it uploads, the digests it promises among it. */
export interface UploadMetadata {
  name?: string
  md5Hash?: string
  crc32c?: string
  fields: ObjectFields
}

export function conditionsOf(query: URLSearchParams): Preconditions {
  const conditions: Preconditions = {}
  for (const name of CONDITIONS) {
    const text = query.get(name)
    if (text === null) continue
    if (!/^\d+$/.test(text)) throw invalid(`Invalid value for ${name}: ${text}`)
    conditions[name] = Number(text)
  }
  return conditions
}

export function uploadMetadata(json: string): UploadMetadata {
  const said = parseJson(json)
  const { name, md5Hash, crc32c } = said
  for (const [digest, bytes] of [[md5Hash, 16] as const, [crc32c, 4] as const])
    if (digest !== undefined && Buffer.from(String(digest), 'base64').length !== bytes)
      throw invalid(`Invalid value for a digest: ${String(digest)}`)
  return {
    ...(name !== undefined && { name: String(name) }),
    ...(md5Hash !== undefined && { md5Hash: String(md5Hash) }),
    ...(crc32c !== undefined && { crc32c: String(crc32c) }),
    fields: objectFields(said),
  }
}

export function objectFields(said: Record<string, unknown>): ObjectFields {
  const fields: ObjectFields = {}
  for (const name of FIELDS) if (typeof said[name] === 'string') fields[name] = said[name]
  for (const name of ['temporaryHold', 'eventBasedHold'] as const)
    if (typeof said[name] === 'boolean') fields[name] = said[name]
  if (said.retention && typeof said.retention === 'object') fields.retention = said.retention
  if (said.metadata && typeof said.metadata === 'object') fields.metadata = said.metadata as Record<string, string>
  return fields
}

export async function readJson(req: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  for await (const chunk of req.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > JSON_LIMIT_BYTES) throw invalid('Request body too large')
  }
  return parseJson(text === '' ? '{}' : text)
}

export function answerJson(res: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  res.writeHead(status, {
    'content-type': 'application/json; charset=UTF-8',
    'content-length': Buffer.byteLength(text),
  })
  res.end(text)
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (value && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Falls through to the one answer for everything that is no JSON object.
  }
  throw invalid('Parse Error')
}
