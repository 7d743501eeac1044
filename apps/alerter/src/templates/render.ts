import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { NoticeKind } from '../incidents.ts'
import { html } from './html.ts'

export interface Mail {
  subject: string
  text: string
  html: string
}

export interface MailContext {
  fleet: string
  dashboard?: string | undefined
  nowMs: number
  repeatMs: number
}

/** What a mail says, before it is dressed as text or HTML. */
export interface Letterhead {
  headline: string
  title: string
  color: string
  facts: readonly (readonly [name: string, value: string])[]
  details: readonly string[]
  hint: string | undefined
  footer: readonly string[]
  dashboard: string | undefined
}

/** The mail about one incident. The subject is the same from its opening to its end, but for the first word. */
export function renderMail(incident: Incident, kind: NoticeKind, context: MailContext): Mail {
  const letter = letterhead(incident, kind, context)
  const subject = `[lifeboat ${context.fleet}] ${letter.headline}: ${incident.title}`
  return { subject: oneLine(subject), text: asText(letter), html: html(letter) }
}

const HEADLINES: Record<NoticeKind, string> = {
  opened: 'OPEN',
  repeated: 'STILL OPEN',
  worsened: 'WORSE',
  resolved: 'RESOLVED',
}

function letterhead(incident: Incident, kind: NoticeKind, context: MailContext): Letterhead {
  const resolved = kind === 'resolved'
  const openMs = (resolved ? Date.parse(incident.resolvedAt ?? '') : context.nowMs) - Date.parse(incident.openedAt)
  const color = resolved ? '#1a7f37' : incident.severity === 'critical' ? '#b42318' : '#9a6700'
  return {
    headline: HEADLINES[kind],
    title: oneLine(incident.title),
    color,
    facts: [
      ['Severity', incident.severity],
      ['Open since', `${incident.openedAt} (UTC)`],
      ...(openMs >= 1000 ? [[resolved ? 'Was open for' : 'Open for', formatDuration(openMs)] as const] : []),
      ...(resolved ? [['Resolved', `${incident.resolvedAt} (UTC)`] as const] : []),
      ...(kind === 'repeated' ? [['Notice', `number ${incident.notifications}`] as const] : []),
    ],
    details: incident.details.map(oneLine),
    hint: resolved ? undefined : oneLine(incident.hint),
    footer: [
      `Incident ${incident.cause} of fleet ${context.fleet}, written at ${moment(context.nowMs)}.`,
      resolved
        ? 'Nothing is left to do about it.'
        : `It is mailed again every ${formatDuration(context.repeatMs)} until it is resolved, and once when it is.`,
    ],
    dashboard: context.dashboard,
  }
}

function asText(letter: Letterhead): string {
  const width = Math.max(...letter.facts.map(([name]) => name.length))
  const lines = [
    `${letter.headline}: ${letter.title}`,
    '',
    ...letter.facts.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    '',
    letter.hint === undefined ? 'What it was about' : 'What is known',
    ...letter.details.map((detail) => `  - ${detail}`),
    ...(letter.hint === undefined ? [] : ['', 'What to do', `  ${letter.hint}`]),
    ...(letter.dashboard === undefined ? [] : ['', letter.dashboard]),
    '',
    '-- ',
    ...letter.footer,
  ]
  return `${lines.join('\n')}\n`
}

/** What a server or a tool said may contain anything; in a subject or a list a line is a line. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed
  return text.replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ').trim()
}
