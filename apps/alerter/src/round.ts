import { walDamageKey } from '@lifeboat/catalog/audit/buckets.ts'
import { IncidentOpened, IncidentResolved } from '@lifeboat/shared/bus/messages/incident.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import type { AlerterDeps } from './deps.ts'
import { type Change, type NoticeKind, settle } from './incidents.ts'
import { makeNotice } from './notices.ts'
import { enqueue, unsentCauses } from './outbox.ts'
import { judge } from './rules/all.ts'
import { renderMail } from './templates/render.ts'
import type { World } from './world.ts'

/** Opened, told: an incident takes two steps at most in one round. */
const MOST_STEPS = 3
const KEEP_RESOLVED_MS = 90 * 86_400_000

/** Judges the world once and brings incidents and outbox in line with it. Done twice, or half and again, it comes to the same. */
export async function round(deps: AlerterDeps, world: World): Promise<void> {
  await bringInLine(deps, world)
  await forgetMended(deps, world)
}

async function bringInLine(deps: AlerterDeps, world: World): Promise<void> {
  const judgements = judge(world)
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const known = await readIncidents(deps)
    const unsent = await unsentCauses(deps.outbox)
    const incidents = [...known.values()].map(({ incident }) => incident)
    const changes = settle({ incidents, judgements, unsent, nowMs: world.nowMs, repeatMs: deps.mail.repeatMs })
    if (changes.length === 0) return
    for (const change of changes) await apply(deps, change, known.get(change.incident.cause)?.revision, world.nowMs)
  }
}

/**
 * Every step but the first leaves its trace in the outbox before the incident says so: whoever dies between repeats a notice that
 * is there already. Of two alerters the one that loses the race leaves the step to the other.
 */
async function apply(deps: AlerterDeps, change: Change, revision: number | undefined, nowMs: number): Promise<void> {
  const { incident } = change
  if (change.do === 'notify') {
    if (change.kind === 'opened') await deps.bus.publish(IncidentOpened, { incident, at: moment(nowMs) })
    await tell(deps, incident, change.kind, nowMs)
  }
  if (change.do === 'resolve') {
    await deps.bus.publish(IncidentResolved, { incident, at: moment(nowMs) })
    if (!change.silently) await tell(deps, incident, 'resolved', nowMs)
  }
  const written =
    revision === undefined
      ? await deps.incidents.create(incident.cause, incident)
      : await deps.incidents.update(incident.cause, incident, revision)
  const { cause, severity } = incident
  if (written !== undefined && change.do !== 'amend')
    deps.log.warn(
      { event: `incident.${PARTICIPLES[change.do]}`, cause, severity, reason: change.reason },
      incident.title,
    )
}

const PARTICIPLES = { open: 'opened', notify: 'told', resolve: 'resolved' } as const

async function tell(deps: AlerterDeps, incident: Incident, kind: NoticeKind, nowMs: number): Promise<void> {
  const mail = renderMail(incident, kind, { ...deps.mail, nowMs })
  await enqueue(deps.outbox, makeNotice(incident, kind, mail, { ...deps.mail, nowMs }))
}

async function readIncidents(deps: AlerterDeps): Promise<Map<string, { incident: Incident; revision: number }>> {
  const found = new Map<string, { incident: Incident; revision: number }>()
  for await (const { key, value, revision } of deps.incidents.entries()) found.set(key, { incident: value, revision })
  return found
}

/** WAL that is whole again was waiting for an incident that tells of it; that is written down by now. */
async function forgetMended({ walDamage }: Pick<AlerterDeps, 'walDamage'>, world: World): Promise<void> {
  for (const damage of world.walDamage) {
    if (damage.mended === undefined) continue
    const now = await walDamage.get(walDamageKey(damage))
    if (now?.value.mended?.at === damage.mended.at) await walDamage.delete(now.key, now.revision)
  }
}

/** Resolved incidents are kept for a season. */
export async function forgetOldIncidents({
  incidents,
  clock,
}: Pick<AlerterDeps, 'incidents' | 'clock'>): Promise<void> {
  const old: string[] = []
  for await (const { key, value } of incidents.entries())
    if (value.resolvedAt !== undefined && clock.now() - Date.parse(value.resolvedAt) > KEEP_RESOLVED_MS) old.push(key)
  for (const key of old) await incidents.delete(key)
}
