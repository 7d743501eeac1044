import { setTimeout as pause } from 'node:timers/promises'
import { leadsBehind } from '@lifeboat/catalog/wal-record.ts'
import type { ReplicationConnection } from '@lifeboat/postgres/replication/connection.ts'
import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { pathTold } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, parseLsn, type Timeline, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { compactTime } from '@lifeboat/shared/time/clock.ts'
import { higher, lower } from './holders.ts'
import type { Road } from './road.ts'
import { segmentStart } from './segment.ts'
import { writeState } from './tell.ts'

/** The server takes that long to notice that whoever streamed from a slot is gone. */
const DROP_WITHIN_MS = 60_000
const DROP_AGAIN_MS = 500

/**
 * Makes sure that the slot is there and keeps WAL.
 *
 * @returns where what it keeps begins
 * @throws LifeboatError WAL_SLOTS_EXHAUSTED | WAL_SLOT_IN_USE | SOURCE_RIGHTS_MISSING
 */
export async function makeSlot({ slot, log }: Road, connection: ReplicationConnection): Promise<bigint> {
  const there = await connection.readSlot(slot)
  // One that keeps nothing was never used, or the server gave it up: it cannot be mended.
  if (there !== undefined && there.restartLsn === undefined) await connection.dropSlot(slot)
  const { created } = await connection.createPhysicalSlot(slot, { reserveWal: true })
  if (created) log.info({ event: 'wal.slot-created', slot }, 'made a replication slot')
  const { restartLsn } = (await connection.readSlot(slot)) ?? {}
  if (restartLsn === undefined) throw new LifeboatError('WAL_SLOT_INVALIDATED', { slot })
  return parseLsn(restartLsn)
}

export async function dropSlot({ slot, log, signal }: Road, connection: ReplicationConnection): Promise<void> {
  for (const until = performance.now() + DROP_WITHIN_MS; ; ) {
    try {
      await connection.dropSlot(slot)
      log.warn({ event: 'wal.slot-dropped', slot }, 'dropped the replication slot')
      return
    } catch (thrown) {
      if (!LifeboatError.is(thrown, 'WAL_SLOT_IN_USE') || performance.now() > until) throw thrown
      await pause(DROP_AGAIN_MS, undefined, { signal })
    }
  }
}

/**
 * WAL is lost for good: says so in state and log, begins behind the hole and asks for a base that makes it harmless.
 *
 * @param behind the end of a segment that the server lacks; undefined: what its slot keeps is there
 * @returns where to begin
 */
export async function beginAnew(
  road: Road,
  connection: ReplicationConnection,
  reason: string,
  timeline: Timeline,
  behind = 0n,
): Promise<bigint> {
  const { now, log, clock } = road
  const { standing } = now
  const keptFrom = await slotBehind(road, connection, behind)
  if (standing === undefined) return keptFrom
  const from = standing.holders.safe
  const at = higher(segmentStart(keptFrom, standing.segmentBytes), behind)
  if (at <= from) {
    log.warn({ event: 'wal.slot-renewed', reason }, 'the replication slot was made anew; no WAL is lost')
    return segmentStart(from, standing.segmentBytes)
  }
  now.lost = widen(now.lost, { from, to: at, timeline, since: moment(clock.now()), reason })
  standing.holders.pass({ start: from, end: at })
  const facts = { from: formatLsn(from), to: formatLsn(at), timeline, reason, lostBytes: Number(at - from) }
  road.events.walLost(log, { sourceId: road.sourceId, ...facts })
  await writeState(road)
  await askForBase(road)
  return at
}

/** A slot knows what the server promised to keep, not what lies in pg_wal: one from before the loss promises what nobody has. */
async function slotBehind(road: Road, connection: ReplicationConnection, behind: bigint): Promise<bigint> {
  const keptFrom = await makeSlot(road, connection)
  if (keptFrom >= behind) return keptFrom
  await dropSlot(road, connection)
  return makeSlot(road, connection)
}

/** Two holes are told as one that spans both. */
function widen(
  before: WalState['lost'],
  hole: { from: bigint; to: bigint } & Pick<NonNullable<WalState['lost']>, 'timeline' | 'since' | 'reason'>,
): WalState['lost'] {
  const from = before === undefined ? hole.from : lower(parseLsn(before.from), hole.from)
  const to = before === undefined ? hole.to : higher(parseLsn(before.to), hole.to)
  return { ...hole, from: formatLsn(from), to: formatLsn(to) }
}

/** One run for one hole, however often it is asked for: the id says so, and the ledger knows the run before the agent does. */
export async function askForBase(road: Road): Promise<void> {
  const { now, basePolicies, ledger, bus, sourceId, agentId, clock, log } = road
  const [chosen] = basePolicies
  // One that ended before the end of the hole would lead nowhere.
  if (now.lost === undefined || now.serverLsn < parseLsn(now.lost.to)) return
  if (chosen === undefined) {
    log.error({ event: 'wal.no-base-policy' }, 'WAL is lost, and no policy takes bases of this source: make one')
    return
  }
  const { policyId, policy } = chosen
  const runId = `${policyId}.${sourceId}.${compactTime(Date.parse(now.lost.since))}-hole` as RunId
  const dueAt = moment(clock.now())
  const deadlineAt = moment(clock.now() + policy.grace + policy.maxDuration)
  const about = { runId, sourceId, policyId, kind: policy.kind, requestedBy: 'agent' as const, dueAt, deadlineAt }
  await ledger.expect({ ...about, lateAt: moment(clock.now() + policy.grace) })
  if ((await ledger.get(runId))?.state !== 'expected') return
  await bus.publish(BackupRequested, { ...about, agentId })
  await ledger.apply(runId, 'wish')
  log.info({ event: 'wal.base-asked', runId }, 'asked for a base backup behind the hole')
}

/** A base that ended behind the hole, at as many targets as WAL needs, makes it history. */
export async function forgetHealedHole(road: Road): Promise<void> {
  const { now, catalog, sourceId, wal, log } = road
  const { lost, standing, known } = now
  if (lost === undefined) return
  const summary = await catalog.summary(sourceId)
  // A server that was not met yet came the way it was left on.
  const way = standing?.path ?? (known && pathTold(known))
  const healing = [...(summary?.recent ?? []), ...(summary?.olderPhysical ?? [])].find(({ physical, copies }) => {
    if (physical === undefined || !leadsBehind(physical, lost, way)) return false
    const there = Object.values(copies).filter((state) => state === 'stored' || state === 'proven')
    return there.length >= wal.copies.required
  })
  if (healing === undefined || now.lost !== lost) return
  now.lost = undefined
  now.begun = { lsn: lost.to, at: lost.since }
  log.info({ event: 'wal.hole-healed', backupId: healing.backupId }, 'a base behind the hole is stored')
}
