import type { ObservedMessage } from '@lifeboat/shared/bus/bus.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Command } from '../context.ts'
import { timeText } from '../format/moments.ts'
import { type Style, styleFor } from '../format/style.ts'
import { withFleet } from '../open-fleet.ts'
import { parseMoment } from '../parse-moment.ts'

export interface EventsArgs {
  follow?: boolean
  since?: string
  subject?: string[]
}

/** Facts and waiting wishes in order, one line each (`--json`: one object a line), read without touching any of them. */
export const events: Command<EventsArgs> = async ({ follow = false, since, subject }, context) => {
  const { terminal, clock, options } = context
  const from = parseMoment(since ?? '1h', clock.now())
  const style = styleFor(terminal.colour)
  await withFleet(context, [], async ({ bus }) => {
    const subjects = subject?.length ? { subjects: subject.map(fullSubject) } : {}
    for await (const message of bus.observe({ signal: terminal.signal, since: from, follow, ...subjects }))
      terminal.out(`${options.json ? JSON.stringify(message) : line(message, style)}\n`)
  })
  return {
    value: undefined,
    text: () => '',
    ...(terminal.signal.aborted && !follow ? { exit: 'interrupted' as const } : {}),
  }
}

/** `backup`, `copy.stored` → the subjects of that noun or message, of any route; what begins with `lifeboat.` is taken as it is. */
export function fullSubject(given: string): string {
  return given.startsWith('lifeboat.') ? given : `lifeboat.*.${given}.>`
}

function line(message: ObservedMessage, style: Style): string {
  const [, kind = '', ...rest] = message.subject.split('.')
  const name = rest.slice(0, 2).join('.')
  const label = kind === 'wish' ? style.warn(name) : style.bold(name)
  return `${style.dim(timeText(moment(message.at)))}  ${label}  ${brief(message.data)}`
}

/** The plain values of a message; what is nested is for `--json`. */
function brief(data: unknown): string {
  if (typeof data !== 'object' || data === null) return String(data)
  return Object.entries(data)
    .map(([name, value]) => [name, inWords(value)] as const)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function inWords(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.every((item) => typeof item !== 'object') ? value.join(',') : undefined
  if (typeof value !== 'object' || value === null) return value === undefined ? undefined : String(value)
  const { code, cause } = value as { code?: unknown; cause?: unknown }
  return typeof code === 'string' ? code : typeof cause === 'string' ? cause : undefined
}
