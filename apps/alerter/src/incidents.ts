import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import type { Finding, Judgement } from './world.ts'

export type NoticeKind = 'opened' | 'repeated' | 'worsened' | 'resolved'

/**
 * One step of one incident. `open` and `amend` only write it; `notify` mails it and writes that; `resolve` mails and closes it, in
 * silence when nobody was ever told.
 */
export type Change =
  | { do: 'open' | 'amend'; incident: Incident; reason: string }
  | { do: 'notify'; kind: 'opened' | 'repeated' | 'worsened'; incident: Incident; reason: string }
  | { do: 'resolve'; silently: boolean; incident: Incident; reason: string }

export interface IncidentQuestion {
  incidents: readonly Incident[]
  judgements: readonly Judgement[]
  /** Causes with a notice that has not left the outbox: nothing is repeated while the last word is still waiting. */
  unsent: ReadonlySet<string>
  nowMs: number
  repeatMs: number
}

/**
 * What becomes of the incidents, one step each; asked again with the outcome it takes the next. An incident opens once, is told
 * once, repeated after a while, and told when its cause is gone. What a rule cannot judge at the moment stays as it is.
 */
export function settle(question: IncidentQuestion): Change[] {
  const { incidents, judgements } = question
  const open = new Map(incidents.filter(({ state }) => state === 'open').map((incident) => [incident.cause, incident]))
  const findings = new Map(judgements.filter(isFinding).map((finding) => [finding.cause, finding]))
  const unknown = new Set(judgements.filter((judgement) => !isFinding(judgement)).map(({ cause }) => cause))
  const opened = [...findings.values()]
    .filter(({ cause }) => !open.has(cause))
    .map((found) => openIncident(found, question))
  const gone = [...open.values()].filter(({ cause }) => !findings.has(cause) && !unknown.has(cause))
  const lasting = [...open.values()].flatMap((incident) => {
    const finding = findings.get(incident.cause)
    return finding ? (carryOn(incident, finding, question) ?? []) : []
  })
  return [...opened, ...lasting, ...gone.map((incident) => resolve(incident, question))]
}

function openIncident(finding: Finding, { nowMs }: IncidentQuestion): Change {
  const incident: Incident = { ...finding, state: 'open', openedAt: moment(nowMs), notifications: 0 }
  return { do: 'open', incident, reason: 'its cause came up' }
}

function carryOn(incident: Incident, finding: Finding, question: IncidentQuestion): Change | undefined {
  const told = { ...incident, ...finding, notifications: incident.notifications + 1, lastNotifiedAt: now(question) }
  if (incident.notifications === 0)
    return { do: 'notify', kind: 'opened', incident: told, reason: 'nobody was told yet' }
  if (finding.severity === 'critical' && incident.severity === 'warning')
    return { do: 'notify', kind: 'worsened', incident: told, reason: 'it became critical' }
  if (isDue(incident, question))
    return { do: 'notify', kind: 'repeated', incident: told, reason: 'it is still open after the time to repeat' }
  const amended = { ...incident, ...finding }
  if (JSON.stringify(amended) === JSON.stringify(incident)) return undefined
  return { do: 'amend', incident: amended, reason: 'more is known' }
}

function isDue(incident: Incident, { nowMs, repeatMs, unsent }: IncidentQuestion): boolean {
  if (unsent.has(incident.cause)) return false
  // Counted from the opening if the clock stood ahead when the last notice went out.
  const last = Date.parse(incident.lastNotifiedAt ?? incident.openedAt)
  return Math.abs(nowMs - last) >= repeatMs
}

function resolve(incident: Incident, question: IncidentQuestion): Change {
  const resolved: Incident = { ...incident, state: 'resolved', resolvedAt: now(question) }
  return { do: 'resolve', silently: incident.notifications === 0, incident: resolved, reason: 'its cause is gone' }
}

function now({ nowMs }: IncidentQuestion): Moment {
  return moment(nowMs)
}

function isFinding(judgement: Judgement): judgement is Finding {
  return 'rule' in judgement
}
