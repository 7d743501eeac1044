import { busSubject } from '@lifeboat/shared/bus/define-message.ts'
import { MESSAGES } from '@lifeboat/shared/bus/messages/all.ts'
import { ACK_WAIT_MS, DEDUPE_WINDOW_MS, STREAMS, WISH_DELIVERIES } from '@lifeboat/shared/bus/streams.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { BUCKETS } from './buckets.ts'
import { fieldsOf, jsonSchema } from './schema-text.ts'

type Message = (typeof MESSAGES)[number]

/** docs/bus.md: what an operator with the stock `nats` tool wants to know. */
export function busDoc(): string {
  return `${[intro(), streams(), ...MESSAGES.map(message), buckets(), progress()].join('\n\n')}\n`
}

function intro(): string {
  return `# The bus

Generated from the message definitions in \`packages/shared/src/bus/messages\`; change them there and run \`pnpm generate\`.
The same as [AsyncAPI 3](asyncapi.json) for tools.

- **Subject**: \`lifeboat.<wish|fact>.<subject>.v<version>.<route>\`. The route is what a consumer may filter by (an agent its wishes); \`all\` where there is none.
- **Body**: JSON, the fields below. **Headers**: CloudEvents 1.0 in binary mode (\`ce-id\`, \`ce-type\`, \`ce-source\`, \`ce-time\`, \`ce-specversion\`), \`traceparent\` (W3C),
  \`Nats-Msg-Id\` (the dedupe key). Only the body is needed; a message from \`nats pub\` without headers is as good.
- **Delivery** is at least once. A delivery not settled within ${formatDuration(ACK_WAIT_MS)} goes to another worker; long work keeps itself alive. The same dedupe key
  within ${formatDuration(DEDUPE_WINDOW_MS)} is stored once.
- **Dead letters**: a message nobody can read, a handler refused for good, or a wish delivered ${WISH_DELIVERIES} times without success (a command to restore is never given up) lands in \`LIFEBOAT_DEAD\` under
  \`lifeboat.dead.<its subject>\` and raises an incident. A wish of an unknown subject or version that no consumer asks for follows after a minute.
- **New optional field**: same version. **New meaning**: a new version beside the old until no consumer is left.`
}

function streams(): string {
  const rows = STREAMS.map(
    ({ name, summary, subjects, retention, maxAgeMs }) =>
      `| \`${name}\` | ${subjects.map((subject) => `\`${subject}\``).join('<br>')} | ${retention} | ${maxAgeMs === 0 ? 'for ever' : formatDuration(maxAgeMs)} | ${summary} |`,
  )
  return ['## Streams', '', '| stream | subjects | retention | kept | holds |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  )
}

function message(type: Message): string {
  const fields = fieldsOf(jsonSchema(type.schema)).map(
    ({ path, type: text, required }) => `| \`${path}\` | ${text} | ${required ? 'yes' : ''} |`,
  )
  return [
    `## ${type.subject} v${type.version}`,
    '',
    type.summary,
    '',
    `- ${type.class} on \`${busSubject(type, sampled(type, 'route'))}\``,
    `- published by ${type.owner.join(', ')}`,
    `- dedupe key \`${sampled(type, 'dedupeKey')}\``,
    '',
    '| field | type | required |',
    '|---|---|---|',
    ...fields,
  ].join('\n')
}

/** The key as a template: asked of a record whose every field answers with its own name. */
function sampled(type: Message, part: 'route' | 'dedupeKey'): string {
  return (type[part] as (data: unknown) => string)(named(''))
}

function named(path: string): unknown {
  const name = () => (path === '' ? 'data' : `{${path}}`)
  return new Proxy(name, {
    get(_target, key) {
      if (key === Symbol.toPrimitive || key === 'toString') return name
      return named(path === '' ? String(key) : `${path}.${String(key)}`)
    },
  })
}

function buckets(): string {
  const rows = BUCKETS.map(
    ({ name, summary, maxAgeMs }) =>
      `| \`${name}\` | ${maxAgeMs === undefined ? 'for ever' : formatDuration(maxAgeMs)} | ${summary} |`,
  )
  return ['## Buckets', '', '| bucket | kept | holds |', '|---|---|---|', ...rows].join('\n')
}

function progress(): string {
  return `## Progress

Plain NATS on \`lifeboat.progress.<run id>\`, at most once a second, lossy: \`{ runId, service, at, phase, done, total?, unit }\`.`
}
