import {
  DEEP_READS_BUCKET,
  type DeepReads,
  MARKED_TARGETS_BUCKET,
  type MarkedTarget,
  SURVEYS_BUCKET,
  type TargetSurvey,
  WAL_DAMAGE_BUCKET,
  type WalDamage,
} from '@lifeboat/catalog/audit/buckets.ts'
import { WAL_LET_GO_BUCKET, type WalLetGo } from '@lifeboat/catalog/audit/wal-let-go.ts'
import { WAL_SURVEYS_BUCKET, type WalSurvey } from '@lifeboat/catalog/audit/wal-survey.ts'
import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import { HOLDS_BUCKET, LOCKED_BUCKET, type LockedCopy } from '@lifeboat/catalog/expiry/buckets.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { busLogin } from '@lifeboat/config/bus-login.ts'
import type { Bucket, Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { FleetId, PolicyId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Footings } from '@lifeboat/shared/service/footings.ts'
import type { Opening } from '@lifeboat/shared/service/run-service.ts'
import { type Clock, systemClock } from '@lifeboat/shared/time/clock.ts'
import { lendCopies } from '@lifeboat/storage/lent/lend-copies.ts'
import { openTarget, openWithLooks } from '@lifeboat/storage/open-target.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { removalConfig } from '@lifeboat/storage/target-config.ts'
import { agentSpools } from './agent-spools.ts'
import type { UploaderConfig } from './config.ts'
import { type Events, uploaderEvents } from './events.ts'
import { Marks } from './expiry/marks.ts'
import { openGate, type TargetGate } from './gate.ts'
import { localFirst } from './local-spools.ts'
import { type PartSource, partSource } from './part-source.ts'
import { PartsUnderWay } from './parts-under-way.ts'

/** One target and what this process knows of it right now. */
export interface Lane {
  target: Target
  /** The same, for looks whether it would do what it is to do. */
  looks: Target
  gate: TargetGate
  underWay: PartsUnderWay
  /** Copies that could not be read when a sample was taken, and when; epoch milliseconds by `source/backup`. */
  unreadable: Map<string, number>
  /** The same target by the credentials that may remove; absent where there are none, and nothing is ever removed. */
  remover?: Target | undefined
}

/** Everything the handlers may touch; tests pass the same record with memory parts. */
export interface UploaderDeps {
  bus: Bus
  fleet: FleetId
  lanes: readonly Lane[]
  parts: PartSource
  catalog: Catalog
  holds: Bucket<Hold>
  marks: Marks
  /** Copies that were let go and that the store still holds. */
  locked: Bucket<LockedCopy>
  /** Targets that were seen with the marker of the fleet. */
  markedTargets: Bucket<MarkedTarget>
  surveys: Bucket<TargetSurvey>
  deepReads: Bucket<DeepReads>
  /** Sources whose WAL is kept. */
  walStates: Bucket<WalState>
  walDamage: Bucket<WalDamage>
  walSurveys: Bucket<WalSurvey>
  walLetGo: Bucket<WalLetGo>
  events: Events
  footings: Footings
  /** Parts in flight per target. */
  concurrency: number
  /** Share of the bytes of a target that is read back each day. */
  deepRead: number
  /** How long a copy stays hidden before its bytes may go, milliseconds. */
  undeleteMs: number
  /** How old copies of a policy must be at a target before they may go, milliseconds; undefined: nothing says that they may go at all. */
  minAgeOf: (policyId: PolicyId, targetId: TargetId) => number | undefined
  clock: Clock
  log: Logger
}

export async function openDeps(
  cfg: UploaderConfig,
  { log, own, signal, metrics, footings }: Opening,
): Promise<UploaderDeps> {
  const events = uploaderEvents(metrics)
  const lanes = await Promise.all(
    [...cfg.targets].map(async ([id, config]): Promise<Lane> => {
      const { secret: resolveSecret, silenceMs } = cfg
      const observer = events.observerOf(log)
      const { target, looks } = await openWithLooks(id, config, { resolveSecret, log, observer, silenceMs })
      own(target)
      const removal = removalConfig(config)
      const remover = removal && own(await openTarget(id, removal, { resolveSecret, log, observer, silenceMs }))
      return { target, looks, gate: openGate(id, log), underWay: new PartsUnderWay(), unreadable: new Map(), remover }
    }),
  )
  metrics.gauge('lifeboat_targets_away', 'Targets that are not asked because they failed', () => awayOf(lanes).length)
  if (cfg.lend !== undefined) own(await lendCopies(lanes, { listen: cfg.lend, tokens: tokensOf(cfg), log }))
  const bus = own(await connectBus({ ...busLogin(cfg.bus, cfg.secret), name: 'uploader', log, abort: signal }))
  const spools = localFirst(own(agentSpools(cfg.agents, { silenceMs: cfg.silenceMs })), cfg.agents)
  const parts = partSource(spools, lanes)
  const buckets = await openBuckets(bus)
  const { fleet, concurrency, deepRead, undeleteMs, minAgeOf } = cfg
  const settings = { fleet, concurrency, deepRead, undeleteMs, minAgeOf }
  return { bus, lanes, parts, ...buckets, ...settings, events, footings, clock: systemClock, log }
}

export async function openBuckets(
  bus: Bus,
): Promise<
  Pick<
    UploaderDeps,
    | 'catalog'
    | 'holds'
    | 'marks'
    | 'locked'
    | 'markedTargets'
    | 'surveys'
    | 'deepReads'
    | 'walStates'
    | 'walDamage'
    | 'walSurveys'
    | 'walLetGo'
  >
> {
  return {
    catalog: await KvCatalog.open(bus),
    holds: await bus.bucket(HOLDS_BUCKET),
    marks: await Marks.open(bus),
    locked: await bus.bucket(LOCKED_BUCKET),
    markedTargets: await bus.bucket(MARKED_TARGETS_BUCKET),
    surveys: await bus.bucket(SURVEYS_BUCKET),
    deepReads: await bus.bucket(DEEP_READS_BUCKET),
    walStates: await bus.bucket(WAL_BUCKET),
    walDamage: await bus.bucket(WAL_DAMAGE_BUCKET),
    walSurveys: await bus.bucket(WAL_SURVEYS_BUCKET),
    walLetGo: await bus.bucket(WAL_LET_GO_BUCKET),
  }
}

function tokensOf({ agents }: UploaderConfig): Secret[] {
  return [...agents.values()].map(({ token }) => token)
}

function awayOf(lanes: readonly Lane[]): TargetId[] {
  return lanes.filter(({ gate }) => gate.away).map(({ target }) => target.id)
}
