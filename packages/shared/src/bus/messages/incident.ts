import { z } from 'zod'
import { Moment } from '../../domain/ids.ts'
import { Incident } from '../../domain/incident.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

const change = z.object({ incident: Incident, at: Moment })

/** Something a person should look at came up. */
export const IncidentOpened = defineMessage({
  subject: 'incident.opened',
  version: 1,
  class: 'fact',
  owner: 'alerter',
  summary: 'An incident was opened.',
  dedupeKey: (data) => `${data.incident.cause}/${data.incident.openedAt}`,
  data: change,
})
export type IncidentOpened = DataOf<typeof IncidentOpened>

/** Its cause is gone. */
export const IncidentResolved = defineMessage({
  subject: 'incident.resolved',
  version: 1,
  class: 'fact',
  owner: 'alerter',
  summary: 'An incident was resolved: its cause is gone.',
  dedupeKey: (data) => `${data.incident.cause}/${data.incident.openedAt}`,
  data: change,
})
export type IncidentResolved = DataOf<typeof IncidentResolved>
