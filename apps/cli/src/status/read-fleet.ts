import {
  EXPIRY_BUCKET,
  EXPIRY_OUTCOME_KEY,
  EXPIRY_WATCH_BUCKET,
  EXPIRY_WATCH_KEY,
} from '@lifeboat/catalog/expiry/buckets.ts'
import { INCIDENTS_BUCKET } from '@lifeboat/catalog/incidents-bucket.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { LEDGER_BUCKET, Ledger } from '@lifeboat/catalog/ledger.ts'
import type { KnownWal } from '@lifeboat/catalog/objectives-window.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { WAL_RECORD_BUCKET } from '@lifeboat/catalog/wal-record.ts'
import { setsOf } from '@lifeboat/config/expand-sets.ts'
import type { Bucket, BucketDefinition, Bus } from '@lifeboat/shared/bus/bus.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import {
  FOOTINGS_BUCKET,
  type FootingsTold,
  PRESENCE_BUCKET,
  type Presence,
  readFootings,
} from '@lifeboat/shared/service/presence.ts'
import { z } from 'zod'
import { runsOf } from '../sets/read-points.ts'
import { type FleetFacts, judgeFleet, type SeenProcess } from './judge-fleet.ts'
import type { FleetStatus } from './status.ts'

/** What of lifeboat.yaml the state of the fleet depends on. */
export const FLEET_SECTIONS = ['agents', 'sources', 'policies', 'wal', 'objectives', 'verifier', 'expiry'] as const

/** Reads what is recorded of the whole fleet and judges it. */
export async function readFleet(bus: Bus, config: FleetFacts['config'], nowMs: number): Promise<FleetStatus> {
  const memberRuns = await runsOf(await Ledger.open(bus), [...setsOf(config.policies).values()].flat())
  const wal = await walOf(bus, config.wal)
  return judgeFleet({ config, ...(await gather(bus, nowMs)), memberRuns, wal, ...(await expiryOf(bus)) }, nowMs)
}

/**
 * The ledger keeps more than a year; what was written in these days is every run to come, under way or lately over.
 */
const LATELY_MS = 10 * 86_400_000

/** The ledger's own schema looks at every field of every entry; here thousands are read and only the agents and schedulers write them. */
const LEDGER: BucketDefinition<LedgerEntry> = {
  ...LEDGER_BUCKET,
  schema: z.custom<LedgerEntry>((value) => typeof value === 'object' && value !== null && 'runId' in value),
}

async function gather(
  bus: Bus,
  nowMs: number,
): Promise<Omit<FleetFacts, 'config' | 'memberRuns' | 'wal' | 'expiryOutcome' | 'expiryWatch'>> {
  const [summaries, runs, incidents, presences] = await Promise.all([
    KvCatalog.open(bus).then((catalog) => catalog.summaries()),
    bus.bucket(LEDGER).then((ledger) => values(ledger, { since: nowMs - LATELY_MS })),
    bus.bucket(INCIDENTS_BUCKET).then((incidents) => values(incidents)),
    Promise.all([bus.bucket(PRESENCE_BUCKET), bus.bucket(FOOTINGS_BUCKET)]).then(lastSeen),
  ])
  return { summaries, runs, incidents: incidents.filter((incident) => incident.state === 'open'), presences }
}

/** Not asked for where no WAL is kept. */
async function walOf(bus: Bus, wal: object): Promise<Map<SourceId, KnownWal>> {
  const sources = Object.keys(wal) as SourceId[]
  if (sources.length === 0) return new Map()
  const [states, records] = await Promise.all([
    bus.bucket(WAL_BUCKET).then((bucket) => values(bucket)),
    bus.bucket(WAL_RECORD_BUCKET).then((bucket) => values(bucket)),
  ])
  const stateOf = new Map(states.map((state) => [state.sourceId, state]))
  const recordOf = new Map(records.map((record) => [record.sourceId, record]))
  return new Map(
    sources.map((sourceId) => [sourceId, { state: stateOf.get(sourceId), record: recordOf.get(sourceId) }]),
  )
}

async function expiryOf(bus: Bus): Promise<Pick<FleetFacts, 'expiryOutcome' | 'expiryWatch'>> {
  const [outcome, watch] = await Promise.all([
    bus.bucket(EXPIRY_BUCKET).then((bucket) => bucket.get(EXPIRY_OUTCOME_KEY)),
    bus.bucket(EXPIRY_WATCH_BUCKET).then((bucket) => bucket.get(EXPIRY_WATCH_KEY)),
  ])
  return { expiryOutcome: outcome?.value, expiryWatch: watch?.value }
}

async function values<T>(bucket: Bucket<T>, opts: { since?: number } = {}): Promise<T[]> {
  return Array.fromAsync(bucket.entries(undefined, opts), ({ value }) => value)
}

/** By the server's clock, the same for all: the clock of a host may be minutes behind. */
async function lastSeen([presences, told]: [Bucket<Presence>, Bucket<FootingsTold>]): Promise<SeenProcess[]> {
  const footings = await readFootings(told)
  return Array.fromAsync(presences.entries(), ({ key, value, writtenAt }) => ({
    ...value,
    footings: footings.get(key) ?? [],
    at: moment(writtenAt),
    clockAheadMs: Date.parse(value.at) - writtenAt,
  }))
}
