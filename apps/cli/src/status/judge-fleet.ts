import type { SourceSummary } from '@lifeboat/catalog/catalog.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import { moment, type PolicyId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { type Presence, SILENT_AFTER_MS } from '@lifeboat/shared/service/presence.ts'
import { judgeSource } from './judge-source.ts'
import { type FleetStatus, type Light, type ServiceStatus, worst } from './status.ts'

export interface FleetFacts {
  config: Pick<
    ConfigOf<'agents' | 'sources' | 'policies' | 'objectives' | 'verifier'>,
    'fleet' | 'agents' | 'sources' | 'policies' | 'objectives' | 'verifier'
  >
  summaries: readonly SourceSummary[]
  runs: readonly LedgerEntry[]
  /** Open ones. */
  incidents: readonly Incident[]
  presences: readonly Presence[]
}

/** Everything known about the fleet → its status; pure, so that what an operator sees can be pinned down. */
export function judgeFleet(facts: FleetFacts, nowMs: number): FleetStatus {
  const { config } = facts
  const runs = Map.groupBy(facts.runs, (run) => run.sourceId)
  const summaries = new Map(facts.summaries.map((summary) => [summary.sourceId, summary]))
  const incidents = [...facts.incidents].sort(bySeverity)
  const sources = (Object.keys(config.sources) as SourceId[]).map((sourceId) =>
    judgeSource(
      {
        sourceId,
        policies: policiesOf(config.policies, sourceId),
        objective: config.objectives[sourceId],
        summary: summaries.get(sourceId),
        runs: runs.get(sourceId) ?? [],
        incidents: incidents.filter((incident) => names(incident, sourceId)),
      },
      nowMs,
    ),
  )
  const services = judgeServices(facts, nowMs)
  const lights: Light[] = [
    ...sources.map(({ light }) => light),
    ...services.map(({ present }) => (present ? 'green' : 'red')),
    ...incidents.map(({ severity }) => (severity === 'critical' ? 'red' : 'yellow')),
  ]
  const light = sources.length === 0 ? 'red' : worst(lights)
  return { fleet: config.fleet, at: moment(nowMs), light, sources, services, incidents }
}

function policiesOf(policies: FleetFacts['config']['policies'], sourceId: SourceId) {
  return Object.entries(policies)
    .filter(([, policy]) => policy.sources.includes(sourceId))
    .map(([policyId, policy]) => ({ policyId: policyId as PolicyId, targets: policy.targets }))
}

/** Causes are `rule.subject.subject`, e.g. `missing.records.daily`. */
function names(incident: Incident, sourceId: SourceId): boolean {
  return incident.cause.split('.').includes(sourceId)
}

function judgeServices({ config, presences }: FleetFacts, nowMs: number): ServiceStatus[] {
  const expected: [string, string][] = [
    ['scheduler', 'scheduler'],
    ...Object.keys(config.agents).map((id): [string, string] => ['backup-agent', id]),
    ['uploader', 'uploader'],
    ...(config.verifier ? [['verifier', config.verifier.id] as [string, string]] : []),
    ['alerter', 'alerter'],
  ]
  return expected.map(([service, id]) => {
    const own = presences.filter((presence) => presence.service === service && (presence.id === id || service === id))
    const live = own.filter((presence) => nowMs - Date.parse(presence.at) < SILENT_AFTER_MS)
    const last = own
      .map((presence) => presence.at)
      .sort()
      .at(-1)
    return { service, id, present: live.length > 0, instances: live.length, ...(last ? { lastSeenAt: last } : {}) }
  })
}

function bySeverity(a: Incident, b: Incident): number {
  if (a.severity !== b.severity) return a.severity === 'critical' ? -1 : 1
  return a.openedAt < b.openedAt ? -1 : 1
}
