import { WAL_SURVEYS_BUCKET, type WalSurvey } from '@lifeboat/catalog/audit/wal-survey.ts'
import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import { EXPIRY_BUCKET, EXPIRY_WATCH_BUCKET, type ExpiryWatch, HOLDS_BUCKET } from '@lifeboat/catalog/expiry/buckets.ts'
import type { KnowledgeFacts } from '@lifeboat/catalog/expiry/knowledge.ts'
import type { Keeping } from '@lifeboat/catalog/expiry/planner.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { LedgerView } from '@lifeboat/catalog/ledger-view.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { WAL_RECORD_BUCKET, type WalRecord } from '@lifeboat/catalog/wal-record.ts'
import { busLogin } from '@lifeboat/config/bus-login.ts'
import type { Bucket, Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { ExpiryOutcome, Hold } from '@lifeboat/shared/domain/retention.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { CANCELS_BUCKET, type Cancel } from '@lifeboat/shared/run/cancels.ts'
import type { Metrics } from '@lifeboat/shared/service/metrics.ts'
import { PRESENCE_BUCKET, type Presence } from '@lifeboat/shared/service/presence.ts'
import type { Opening } from '@lifeboat/shared/service/run-service.ts'
import { type Clock, systemClock } from '@lifeboat/shared/time/clock.ts'
import type { SchedulerConfig } from './config.ts'
import { DRILL_NOTES, type DrillNote } from './drill-notes.ts'
import { TOLD_BUCKET, type Told } from './objectives/told.ts'
import type { DrillPlan, Plan } from './plans.ts'

/** Everything the scheduler may touch; tests pass the same record with parts of their own. */
export interface SchedulerDeps {
  bus: Bus
  catalog: Catalog
  ledger: Ledger
  /** The ledger in memory; may lag behind. */
  view: LedgerView
  drillNotes: Bucket<DrillNote>
  cancels: Bucket<Cancel>
  presence: Bucket<Presence>
  /** How far the agents are with the WAL of their sources. */
  wal: Bucket<WalState>
  walRecords: Bucket<WalRecord>
  walSurveys: Bucket<WalSurvey>
  told: Bucket<Told>
  holds: Bucket<Hold>
  plans: readonly Plan[]
  /** Drills with dates of their own. */
  drillPlans: readonly DrillPlan[]
  /** By source: what lifeboat.yaml promises. */
  promises: Readonly<Record<SourceId, Promised>>
  expiry: ExpirySettings
  expiryOutcome: Bucket<ExpiryOutcome>
  expiryWatch: Bucket<ExpiryWatch>
  spread: Spread
  metrics: Metrics
  clock: Clock
  log: Logger
  /** Milliseconds between two looks at the clock. */
  tickMs: number
}

/** Where lifeboat.yaml sends backups and WAL now. */
export interface Spread {
  targetsOf(policyId: PolicyId): readonly TargetId[]
  walTargetsOf(sourceId: SourceId): readonly TargetId[]
}

/** What lifeboat.yaml says about letting go. */
export interface ExpirySettings {
  keeping: Keeping
  targets: KnowledgeFacts['targets']
  auto: boolean
  schedule: { cron: string; zone: string } | undefined
  undeleteMs: number
}

/** Milliseconds. */
export interface Promised {
  rpo: number
  rto: number
}

/** A run stays in memory as long as a rule may ask for it: overlap and catch-up look back over the longest run. */
const KEEP_MS = 3 * 86_400_000

export async function openDeps(cfg: SchedulerConfig, { log, own, signal, metrics }: Opening): Promise<SchedulerDeps> {
  const watching = new AbortController()
  own({ [Symbol.dispose]: () => watching.abort() })
  const bus = own(await connectBus({ ...busLogin(cfg.bus, cfg.secret), name: 'scheduler', log, abort: signal }))
  const { plans, drillPlans, promises, expiry, spread, tickMs } = cfg
  return openParts(
    bus,
    { plans, drillPlans, promises, expiry, spread, metrics, clock: systemClock, log, tickMs },
    watching.signal,
  )
}

/** Opens what lies on the bus; `signal` ends the watching. */
export async function openParts(
  bus: Bus,
  given: Pick<
    SchedulerDeps,
    'plans' | 'drillPlans' | 'promises' | 'expiry' | 'spread' | 'metrics' | 'clock' | 'log' | 'tickMs'
  >,
  signal: AbortSignal,
): Promise<SchedulerDeps> {
  const ledger = await Ledger.open(bus)
  return {
    ...given,
    bus,
    ledger,
    catalog: await KvCatalog.open(bus),
    view: await LedgerView.open(ledger, { clock: given.clock, log: given.log, signal, keepMs: KEEP_MS }),
    drillNotes: await bus.bucket(DRILL_NOTES),
    cancels: await bus.bucket(CANCELS_BUCKET),
    presence: await bus.bucket(PRESENCE_BUCKET),
    wal: await bus.bucket(WAL_BUCKET),
    walRecords: await bus.bucket(WAL_RECORD_BUCKET),
    walSurveys: await bus.bucket(WAL_SURVEYS_BUCKET),
    told: await bus.bucket(TOLD_BUCKET),
    expiryOutcome: await bus.bucket(EXPIRY_BUCKET),
    expiryWatch: await bus.bucket(EXPIRY_WATCH_BUCKET),
    holds: await bus.bucket(HOLDS_BUCKET),
  }
}
