import { busSubject } from '@lifeboat/shared/bus/define-message.ts'
import { MESSAGES } from '@lifeboat/shared/bus/messages/all.ts'
import { streamFor } from '@lifeboat/shared/bus/streams.ts'
import { jsonSchema } from './schema-text.ts'

type Message = (typeof MESSAGES)[number]

const nameOf = (type: Message) => `${type.subject}.v${type.version}`

/**
 * docs/asyncapi.json
 *
 * @see https://www.asyncapi.com/docs/reference/specification/v3.0.0
 */
export function asyncApi(): string {
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'Lifeboat bus',
      version: '1.0.0',
      description: 'Wishes and facts on NATS JetStream. Generated from packages/shared/src/bus/messages.',
    },
    defaultContentType: 'application/json',
    servers: {
      nats: { host: '127.0.0.1:4222', protocol: 'nats', description: 'Any NATS 2.9 or newer with JetStream.' },
    },
    channels: byName(channel),
    operations: byName(operation, 'send.'),
    components: { messages: byName(message), schemas: { CloudEventHeaders } },
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function byName<T>(describe: (type: Message) => T, prefix = ''): Record<string, T> {
  return Object.fromEntries(MESSAGES.map((type) => [`${prefix}${nameOf(type)}`, describe(type)]))
}

function channel(type: Message) {
  const name = nameOf(type)
  return {
    address: busSubject(type, '{route}'),
    description: `In stream ${streamFor(type.class).name}.`,
    parameters: { route: { description: 'What a consumer may filter by; `all` where the message has no route.' } },
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
  }
}

function operation(type: Message) {
  const name = nameOf(type)
  return {
    action: 'send',
    channel: { $ref: `#/channels/${name}` },
    summary: `Published by ${type.owner.join(', ')}.`,
    tags: [{ name: type.class }, ...type.owner.map((owner) => ({ name: owner }))],
    messages: [{ $ref: `#/channels/${name}/messages/${name}` }],
  }
}

function message(type: Message) {
  return {
    name: nameOf(type),
    title: type.subject,
    summary: type.summary,
    contentType: 'application/json',
    headers: { $ref: '#/components/schemas/CloudEventHeaders' },
    payload: jsonSchema(type.schema),
  }
}

const CloudEventHeaders = {
  type: 'object',
  description: 'CloudEvents 1.0 in binary mode, and W3C trace context. A message without them is read all the same.',
  properties: {
    'ce-specversion': { type: 'string', const: '1.0' },
    'ce-id': { type: 'string', description: 'The dedupe key; equal to Nats-Msg-Id.' },
    'ce-type': { type: 'string', examples: ['lifeboat.part.sealed.v1'] },
    'ce-source': { type: 'string', examples: ['/lifeboat/backup-agent'] },
    'ce-time': { type: 'string', format: 'date-time' },
    'content-type': { type: 'string', const: 'application/json' },
    traceparent: { type: 'string' },
    'Nats-Msg-Id': { type: 'string' },
  },
}
