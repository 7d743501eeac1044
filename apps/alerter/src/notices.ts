import { createHash } from 'node:crypto'
import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import { z } from 'zod'
import type { NoticeKind } from './incidents.ts'
import type { Mail } from './templates/render.ts'

/** One mail on its way. Key in the outbox: its id, the same however often the notice is made. */
export const Notice = z.object({
  id: z.string(),
  cause: z.string(),
  /** `<…@lifeboat.<fleet>>`: a mail that arrives twice can be recognised. */
  messageId: z.string(),
  /** The first mail of the same incident, so that mail programs show them together. */
  inReplyTo: z.string().optional(),
  subject: z.string(),
  text: z.string(),
  html: z.string(),
  /** Who has not got it yet. */
  to: z.array(z.string()),
  /** Whether anybody has it. */
  reached: z.boolean().optional(),
  /** Who was refused for good; no longer tried once somebody else has it. */
  undeliverable: z.array(z.object({ recipient: z.string(), answer: z.string() })).optional(),
  state: z.enum(['pending', 'sent']),
  createdAt: Moment,
  attempts: z.int().nonnegative(),
  /** Not tried before; moved ahead of each attempt, which keeps a second alerter away from it. */
  nextAt: Moment,
  sentAt: Moment.optional(),
  lastError: z.string().optional(),
})
export type Notice = z.infer<typeof Notice>

export const OUTBOX_BUCKET: BucketDefinition<Notice> = {
  name: 'lifeboat_outbox',
  summary: 'Mails on their way; kept until the mail server has them, and a while longer.',
  schema: Notice,
}

/** The notice of an incident's n-th telling, or of its end; made twice it is the same. */
export function makeNotice(
  incident: Incident,
  kind: NoticeKind,
  mail: Mail,
  about: { fleet: string; to: readonly string[]; nowMs: number },
): Notice {
  const first = idOf(incident, 1)
  const id = kind === 'resolved' ? idOf(incident, 'resolved') : idOf(incident, incident.notifications)
  const messageId = (noticeId: string) => `<${noticeId}@${about.fleet}.lifeboat>`
  const at = moment(about.nowMs)
  return {
    id,
    cause: incident.cause,
    messageId: messageId(id),
    ...(id === first ? {} : { inReplyTo: messageId(first) }),
    ...mail,
    to: [...about.to],
    state: 'pending',
    createdAt: at,
    attempts: 0,
    nextAt: at,
  }
}

function idOf({ cause, openedAt }: Incident, which: number | 'resolved'): string {
  const digest = createHash('sha256').update(`${cause}|${openedAt}`).digest('hex').slice(0, 24)
  return `${digest}.${which}`
}

/** The same for all notices of one incident. */
export function incidentOf({ id }: Notice): string {
  return id.slice(0, id.lastIndexOf('.'))
}

/** 1 for the first; Infinity for the end of the incident. */
export function tellingOf({ id }: Notice): number {
  const which = id.slice(id.lastIndexOf('.') + 1)
  return which === 'resolved' ? Number.POSITIVE_INFINITY : Number(which)
}
