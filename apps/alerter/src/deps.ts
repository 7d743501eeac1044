import {
  SURVEYS_BUCKET,
  type TargetSurvey,
  WAL_DAMAGE_BUCKET,
  type WalDamage,
} from '@lifeboat/catalog/audit/buckets.ts'
import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import {
  EXPIRY_BUCKET,
  EXPIRY_WATCH_BUCKET,
  type ExpiryWatch,
  LOCKED_BUCKET,
  type LockedCopy,
} from '@lifeboat/catalog/expiry/buckets.ts'
import { INCIDENTS_BUCKET } from '@lifeboat/catalog/incidents-bucket.ts'
import type { HeldIdentity } from '@lifeboat/catalog/keys/judge-keys.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { LedgerView } from '@lifeboat/catalog/ledger-view.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { WAL_RECORD_BUCKET, type WalRecord } from '@lifeboat/catalog/wal-record.ts'
import { busLogin } from '@lifeboat/config/bus-login.ts'
import type { Bucket, Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import type { ExpiryOutcome } from '@lifeboat/shared/domain/retention.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Footings } from '@lifeboat/shared/service/footings.ts'
import {
  FOOTINGS_BUCKET,
  type FootingsTold,
  PRESENCE_BUCKET,
  type Presence,
} from '@lifeboat/shared/service/presence.ts'
import type { Opening } from '@lifeboat/shared/service/run-service.ts'
import { type Clock, systemClock } from '@lifeboat/shared/time/clock.ts'
import type { Channel } from './channels/channel.ts'
import { openEmail } from './channels/email.ts'
import type { AlerterConfig } from './config.ts'
import { LETTERS, type Letter } from './letters.ts'
import { type Notice, OUTBOX_BUCKET } from './notices.ts'
import type { ExpirySchedule, WatchedDrill, WatchedFooting, WatchedPlan, WatchedService, WatchedWal } from './world.ts'

/** Everything the alerter may touch; tests pass the same record with parts of their own. */
export interface AlerterDeps {
  bus: Bus
  catalog: Catalog
  view: LedgerView
  incidents: Bucket<Incident>
  outbox: Bucket<Notice>
  letters: Bucket<Letter>
  presence: Bucket<Presence>
  footingsTold: Bucket<FootingsTold>
  walStates: Bucket<WalState>
  walRecords: Bucket<WalRecord>
  surveys: Bucket<TargetSurvey>
  walDamage: Bucket<WalDamage>
  locked: Bucket<LockedCopy>
  expiry: Bucket<ExpiryOutcome>
  expiryWatch: Bucket<ExpiryWatch>
  channel: Channel
  footings: Footings
  plans: readonly WatchedPlan[]
  drills: readonly WatchedDrill[]
  services: readonly Omit<WatchedService, 'lastSeenMs'>[]
  /** What processes should tell of; of anything else nothing is told to anybody. */
  watchedFootings: readonly WatchedFooting[]
  /** Sources whose WAL is to be kept. */
  wal: readonly WatchedWal[]
  promises: Readonly<Record<SourceId, Promised>>
  /** Private keys that are declared to be there. */
  identities: readonly HeldIdentity[]
  /** When backups are let go; undefined: never. */
  expirySchedule: ExpirySchedule | undefined
  mail: { fleet: string; to: readonly string[]; dashboard: string | undefined; repeatMs: number }
  /** Asked every minute while all is well; undefined for none. */
  deadManUrl: string | undefined
  clock: Clock
  log: Logger
  roundMs: number
}

/** What lifeboat.yaml promises for a source, milliseconds. */
export interface Promised {
  rpo: number
  rto: number
}

/** Longer than the longest usual period of a policy: rules look back to the last success. */
const KEEP_MS = 45 * 86_400_000

export async function openDeps(cfg: AlerterConfig, { log, own, signal, footings }: Opening): Promise<AlerterDeps> {
  const watching = new AbortController()
  own({ [Symbol.dispose]: () => watching.abort() })
  const bus = own(await connectBus({ ...busLogin(cfg.bus, cfg.secret), name: 'alerter', log, abort: signal }))
  const { fleet, to, dashboard, repeatMs, plans, drills, services, watchedFootings, wal, promises, identities } = cfg
  const { expirySchedule } = cfg
  const { deadManUrl, roundMs } = cfg
  const mail = { fleet, to, dashboard, repeatMs }
  const given = {
    channel: own(openEmail(cfg.email)),
    footings,
    plans,
    drills,
    services,
    watchedFootings,
    wal,
    promises,
    identities,
    expirySchedule,
    mail,
    deadManUrl,
    roundMs,
    clock: systemClock,
    log,
  }
  return openParts(bus, given, watching.signal)
}

type Given = Pick<
  AlerterDeps,
  | 'channel'
  | 'footings'
  | 'plans'
  | 'drills'
  | 'services'
  | 'watchedFootings'
  | 'wal'
  | 'promises'
  | 'identities'
  | 'expirySchedule'
  | 'mail'
  | 'deadManUrl'
  | 'roundMs'
  | 'clock'
  | 'log'
>

/** Opens what lies on the bus; `signal` ends the watching. */
export async function openParts(bus: Bus, given: Given, signal: AbortSignal): Promise<AlerterDeps> {
  const { clock, log } = given
  return {
    ...given,
    bus,
    catalog: await KvCatalog.open(bus),
    view: await LedgerView.open(await Ledger.open(bus), { clock, log, signal, keepMs: KEEP_MS }),
    incidents: await bus.bucket(INCIDENTS_BUCKET),
    outbox: await bus.bucket(OUTBOX_BUCKET),
    letters: await bus.bucket(LETTERS),
    presence: await bus.bucket(PRESENCE_BUCKET),
    footingsTold: await bus.bucket(FOOTINGS_BUCKET),
    walStates: await bus.bucket(WAL_BUCKET),
    walRecords: await bus.bucket(WAL_RECORD_BUCKET),
    surveys: await bus.bucket(SURVEYS_BUCKET),
    walDamage: await bus.bucket(WAL_DAMAGE_BUCKET),
    locked: await bus.bucket(LOCKED_BUCKET),
    expiry: await bus.bucket(EXPIRY_BUCKET),
    expiryWatch: await bus.bucket(EXPIRY_WATCH_BUCKET),
  }
}
