import type { SourceSummary } from '@lifeboat/catalog/catalog.ts'
import type { ExpiryWatch } from '@lifeboat/catalog/expiry/buckets.ts'
import type { KnownWal } from '@lifeboat/catalog/objectives-window.ts'
import { occurrences } from '@lifeboat/config/schedule.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import { eachOnce, type Footing, ofNow } from '@lifeboat/shared/domain/footing.ts'
import { type AgentId, moment, type PolicyId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { ExpiryOutcome } from '@lifeboat/shared/domain/retention.ts'
import { type Presence, SILENT_AFTER_MS } from '@lifeboat/shared/service/presence.ts'
import { judgeExpiry } from './judge-expiry.ts'
import { judgeSets } from './judge-sets.ts'
import { judgeSource, type KnownPolicy } from './judge-source.ts'
import { type FleetStatus, type Light, type ServiceStatus, worst } from './status.ts'

/** A process by what it wrote last. */
export interface SeenProcess extends Presence {
  /** What it told of what it stands on. */
  footings: Footing[]
  /** Its host's clock against the clock of NATS; negative: it is behind. */
  clockAheadMs: number
}

export interface FleetFacts {
  config: Pick<
    ConfigOf<'agents' | 'sources' | 'policies' | 'wal' | 'objectives' | 'verifier' | 'expiry'>,
    'fleet' | 'agents' | 'sources' | 'policies' | 'wal' | 'objectives' | 'verifier' | 'expiry'
  >
  summaries: readonly SourceSummary[]
  /** To come, under way or lately over. */
  runs: readonly LedgerEntry[]
  /** Of members of sets, however long ago: what became of a monthly set is still true four weeks later. */
  memberRuns: readonly LedgerEntry[]
  /** Open ones. */
  incidents: readonly Incident[]
  presences: readonly SeenProcess[]
  /** By source, as far as anything is known. */
  wal: ReadonlyMap<SourceId, KnownWal>
  expiryOutcome: ExpiryOutcome | undefined
  expiryWatch: ExpiryWatch | undefined
}

/** Everything known about the fleet → its status; pure, so that what an operator sees can be pinned down. */
export function judgeFleet(facts: FleetFacts, nowMs: number): FleetStatus {
  const { config } = facts
  // Drills with dates of their own take no backup; what came of them is an incident, or nothing.
  const taking = facts.runs.filter(({ kind }) => kind !== 'drill')
  const runs = Map.groupBy(taking, (run) => run.sourceId)
  const summaries = new Map(facts.summaries.map((summary) => [summary.sourceId, summary]))
  const incidents = [...facts.incidents].sort(bySeverity)
  const policies = policiesBySource(config.policies, nowMs)
  const named = incidentsByName(incidents)
  const services = judgeServices(facts, nowMs)
  const lost = services.flatMap(({ footings }) => footings.filter(({ error }) => error !== undefined))
  const sources = (Object.keys(config.sources) as SourceId[]).map((sourceId) =>
    judgeSource(
      {
        sourceId,
        policies: policies.get(sourceId) ?? [],
        objective: config.objectives[sourceId],
        summary: summaries.get(sourceId),
        runs: runs.get(sourceId) ?? [],
        incidents: named.get(sourceId) ?? [],
        lost: lost.filter(({ part, name }) => part === 'source' && name === sourceId),
        wal: config.wal[sourceId] && (facts.wal.get(sourceId) ?? {}),
      },
      nowMs,
    ),
  )
  const sets = judgeSets(facts, nowMs)
  const lights: Light[] = [
    ...sets.map((set) => set.light),
    ...sources.map(({ light }) => light),
    ...services.map(({ present }) => (present ? 'green' : 'red')),
    ...lost.map((): Light => 'red'),
    ...incidents.map(({ severity }) => (severity === 'critical' ? 'red' : 'yellow')),
  ]
  const light = sources.length === 0 ? 'red' : worst(lights)
  const expiry = judgeExpiry(facts, nowMs)
  return {
    fleet: config.fleet,
    at: moment(nowMs),
    light,
    sources,
    sets,
    services,
    ...(expiry && { expiry }),
    incidents,
  }
}

function policiesBySource(policies: FleetFacts['config']['policies'], nowMs: number): Map<SourceId, KnownPolicy[]> {
  const found = new Map<SourceId, KnownPolicy[]>()
  for (const [policyId, { sources, targets, schedule, kind }] of Object.entries(policies)) {
    const next = occurrences(schedule, new Date(nowMs), 1)[0]
    const policy = { policyId: policyId as PolicyId, kind, targets, nextAt: moment(next?.getTime() ?? nowMs) }
    for (const sourceId of sources) found.set(sourceId, [...(found.get(sourceId) ?? []), policy])
  }
  return found
}

/** Causes are `rule.subject.subject`, e.g. `missing.records.daily`: an incident is about each of its subjects. */
function incidentsByName(incidents: readonly Incident[]): Map<string, Incident[]> {
  const found = new Map<string, Incident[]>()
  for (const incident of incidents)
    for (const name of new Set(incident.cause.split('.').slice(1)))
      found.set(name, [...(found.get(name) ?? []), incident])
  return found
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
    const clockAheadMs = live.map((presence) => presence.clockAheadMs).sort((a, b) => Math.abs(b) - Math.abs(a))[0]
    return {
      ...{ service, id, present: live.length > 0, instances: live.length, footings: footingsOf(live) },
      ...(service === 'backup-agent' && {
        operators: Object.keys(config.agents[id as AgentId]?.restore?.operators ?? {}),
      }),
      ...(last && { lastSeenAt: last }),
      ...(clockAheadMs !== undefined && { clockAheadMs }),
    }
  })
}

/** As far as they are of now. */
function footingsOf(live: readonly SeenProcess[]): Footing[] {
  const fresh = live.flatMap(({ footings, at, clockAheadMs }) => ofNow(footings, Date.parse(at) + clockAheadMs))
  return eachOnce(fresh)
}

function bySeverity(a: Incident, b: Incident): number {
  if (a.severity !== b.severity) return a.severity === 'critical' ? -1 : 1
  return a.openedAt < b.openedAt ? -1 : 1
}
