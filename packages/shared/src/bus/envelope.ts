import { headers, type MsgHdrs } from '@nats-io/nats-core'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { MessageType } from './define-message.ts'

/** CloudEvents 1.0, binary mode for NATS: attributes are headers, the body is the data. */
export function envelope<T>(
  type: MessageType<T>,
  data: T,
  from: { source: string; nowMs: number; traceparent: string },
): MsgHdrs {
  const header = headers()
  header.set('ce-specversion', '1.0')
  header.set('ce-id', type.dedupeKey(data))
  header.set('ce-type', `lifeboat.${type.subject}.v${type.version}`)
  header.set('ce-source', `/lifeboat/${from.source}`)
  header.set('ce-time', new Date(from.nowMs).toISOString())
  header.set('content-type', 'application/json')
  header.set('traceparent', from.traceparent)
  return header
}

/**
 * @param body what came over the wire
 * @throws LifeboatError BUS_BAD_MESSAGE – not JSON, or not the shape of `type`; the facts say which fields, never their contents
 */
export function readMessage<T>(type: MessageType<T>, subject: string, body: Uint8Array): T {
  const parsed = type.schema.safeParse(parseJson(subject, body))
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.') || 'data'}: ${issue.message}`)
  throw new LifeboatError('BUS_BAD_MESSAGE', { subject, problems })
}

function parseJson(subject: string, body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown
  } catch (cause) {
    throw new LifeboatError('BUS_BAD_MESSAGE', { subject, problems: ['the body is not JSON in UTF-8'] }, { cause })
  }
}
