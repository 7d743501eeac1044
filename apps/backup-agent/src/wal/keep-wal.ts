import { setTimeout as pause } from 'node:timers/promises'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import type { WalConfig } from '@lifeboat/config/schema/wal.ts'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { isPhysicalKind, type PolicyId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { firstToFire } from '@lifeboat/shared/run/first-to-fire.ts'
import type { AgentDeps } from '../deps.ts'
import { Door } from './door.ts'
import { Growth } from './growth.ts'
import { guardSlot } from './guard.ts'
import { beatHeart } from './heartbeat.ts'
import { shipLostHistories } from './histories.ts'
import { Moments } from './moments.ts'
import { receive } from './receive.ts'
import { refillTargets } from './refill.ts'
import type { Road, RoadNow } from './road.ts'
import { Seams } from './seams.ts'
import { SegmentMemory } from './segment-memory.ts'
import { Shipper } from './shipper.ts'
import { tellState } from './tell.ts'
import { openWalSpool, walFolder } from './wal-spool.ts'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 15_000

/** Keeps the WAL of one source until the signal fires, whatever happens meanwhile. */
export async function keepWal(deps: AgentDeps, sourceId: SourceId, wal: WalConfig, signal: AbortSignal): Promise<void> {
  const road = await openRoadAtLast(deps, sourceId, wal, signal)
  if (road === undefined) return
  deps.roads.set(sourceId, road)
  const duties = [receiveAlways, tellState, guardSlot, beatHeart, refillTargets, shipLostHistories]
  await Promise.all(duties.map((duty) => duty(road)))
}

/** A connection after the other; what fails at once is tried again ever more slowly. */
async function receiveAlways(road: Road): Promise<void> {
  const { now, signal, log } = road
  let failures = 0
  while (!signal.aborted) {
    const hangUp = new AbortController()
    now.hangUp = (reason) => hangUp.abort(reason)
    using until = firstToFire([signal, hangUp.signal])
    const began = performance.now()
    try {
      await receive(road, until.signal)
    } catch (thrown) {
      if (signal.aborted) return
      const err = LifeboatError.from(until.signal.aborted ? until.signal.reason : thrown)
      const repeated = now.failure?.code === err.code
      now.failure = err
      if (performance.now() - began > LONGEST_PAUSE_MS) failures = 0
      log[repeated ? 'debug' : err.level]({ event: 'wal.interrupted', err }, 'no WAL arrives; tries again')
    }
    const restMs = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS)
    failures += 1
    await pause(restMs, undefined, { signal }).catch(() => {})
  }
}

/** A missing program or a bus that is away is no reason for the agent to end: it has other work. undefined: it stops. */
async function openRoadAtLast(
  deps: AgentDeps,
  sourceId: SourceId,
  wal: WalConfig,
  signal: AbortSignal,
): Promise<Road | undefined> {
  while (!signal.aborted) {
    try {
      return await openRoad(deps, sourceId, wal, signal)
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      deps.log[err.level]({ event: 'wal.unopened', sourceId, err }, 'WAL cannot be kept yet; tries again')
      await pause(LONGEST_PAUSE_MS, undefined, { signal }).catch(() => {})
    }
  }
  return undefined
}

async function openRoad(deps: AgentDeps, sourceId: SourceId, wal: WalConfig, signal: AbortSignal): Promise<Road> {
  const { cfg, bus, ledger, events, footings, clock } = deps
  const { agentId } = cfg
  const source = cfg.sources.get(sourceId)
  if (source === undefined) throw new LifeboatError('SOURCE_UNKNOWN', { sourceId, agentId })
  if ('files' in source) throw new LifeboatError('SOURCE_KIND_UNFIT', { sourceId, kind: 'wal' })
  const slot = wal.slot ?? slotName(sourceId)
  const log = deps.log.child({ sourceId, slot })
  const bucket = await bus.bucket(WAL_BUCKET)
  const spool = await openWalSpool({
    ...{ folder: walFolder(cfg.spool.path, sourceId), maxBytes: wal.spoolMaxBytes, targets: wal.targets },
    ...{ required: wal.copies.required, log },
  })
  const age = await findProgram('age', { toolPaths: cfg.toolPaths })
  const now = nothingYet((await bucket.get(sourceId))?.value, clock.now())
  const shipper = new Shipper({
    ...{ sourceId, agentId, targets: wal.targets, spoolUrl: cfg.url, spool, bus, clock, log, signal },
    packing: {
      ...{ age: age.path, recipients: cfg.recipients },
      get md5() {
        return wal.targets.some((target) => !now.withoutMd5.has(target))
      },
    },
    compressionLevel: wal.compressionLevel,
    onTrouble: (err) => {
      now.unshipped = err
    },
    onSealed: (facts) => events.walSealed(log, { sourceId, ...facts }),
  })
  return {
    ...{
      sourceId,
      agentId,
      slot,
      wal,
      connection: source.connection,
      replication: source.replication,
      door: new Door(),
    },
    ...{
      basePolicies: basePoliciesOf(cfg.policies, sourceId),
      bus,
      bucket,
      catalog: await KvCatalog.open(bus),
      ledger,
    },
    recipients: cfg.recipients,
    ...{ spool, shipper, memory: new SegmentMemory(), events, footings, clock, log, signal, now },
  }
}

function nothingYet(known: RoadNow['known'], nowMs: number): RoadNow {
  const moments = new Moments()
  // What was written before anybody looked is nobody's lag.
  if (known === undefined) moments.note(0n, nowMs)
  return {
    ...{ known, standing: undefined, moments, beats: new Moments(), seams: new Seams(known?.seam), stream: undefined },
    receivedLsn: known ? parseLsn(known.receivedLsn) : 0n,
    serverLsn: known ? parseLsn(known.serverLsn) : 0n,
    ...{ retainedBytes: known?.slot.retainedBytes ?? 0, hangUp: () => {}, failure: undefined, unshipped: undefined },
    listening: new AbortController(),
    ...{ begun: known?.begun, lost: known?.lost, refusals: new Map(), tookAt: new Map(), withoutMd5: new Set() },
    ...{ slotReason: undefined, giveUp: undefined, serverKeeps: undefined, growth: new Growth(), disk: undefined },
  }
}

/** Full ones first: they heal a hole whatever the state of a chain. */
function basePoliciesOf(policies: AgentDeps['cfg']['policies'], sourceId: SourceId): Road['basePolicies'] {
  const physical = [...policies].filter(([, { kind, sources }]) => isPhysicalKind(kind) && sources.includes(sourceId))
  const chosen = physical.map(([policyId, policy]) => ({ policyId: policyId as PolicyId, policy }))
  return chosen.sort((one, other) => Number(one.policy.kind !== 'base') - Number(other.policy.kind !== 'base'))
}

/** What PostgreSQL allows in the name of a slot. */
export function slotName(sourceId: SourceId): string {
  return `lifeboat_${sourceId.replaceAll('-', '_')}`.slice(0, 63)
}
