import { setTimeout as pause } from 'node:timers/promises'
import { type Moment, moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, type Lsn, PASSED_HOLES, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type Holders, lower } from './holders.ts'
import type { Road } from './road.ts'
import { limitsTold } from './slot-rules.ts'

const LOOK_EVERY_MS = 1_000
const AT_LEAST_EVERY_MS = 5_000

/** Writes the state at most once a second, when it changed, and every five seconds anyway; a last time when the agent stops. */
export async function tellState(road: Road): Promise<void> {
  const { signal, clock } = road
  let told = ''
  let toldAt = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    const { standing, moments } = road.now
    if (standing !== undefined)
      moments.forgetBefore(standing.holders.targets.map((target) => standing.holders.position(target)).reduce(lower))
    const state = stateOf(road)
    const text = JSON.stringify({ ...state, at: undefined })
    if (state !== undefined && (text !== told || clock.now() - toldAt >= AT_LEAST_EVERY_MS)) {
      if (await writeState(road)) told = text
      toldAt = clock.now()
    }
    await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})
  }
  await writeState(road)
}

/** @returns whether the bucket has it; without NATS it is written later */
export async function writeState(road: Road): Promise<boolean> {
  const state = stateOf(road)
  if (state === undefined) return true
  try {
    await road.bucket.put(road.sourceId, state)
    return true
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    road.log.warn({ event: 'wal.untold', err }, 'the state of the WAL could not be written yet')
    return false
  }
}

/** undefined before anything is known of the source. */
export function stateOf(road: Road): WalState | undefined {
  const { now, wal, slot, sourceId, agentId, clock } = road
  const about = { sourceId, agentId, at: moment(clock.now()), ...verdictOf(road) }
  const limits = limitsTold(wal.retained, now.serverKeeps)
  if (now.standing === undefined) return now.known && { ...withoutError(now.known), ...about }
  const { holders, systemIdentifier, segmentBytes, path } = now.standing
  const timeline = path.at(-1)?.timeline ?? 1
  const seam = now.seams.of(timeline)
  const heartbeatAt = now.beats.heldBy(holders.safe)
  return {
    ...{ ...about, systemIdentifier, timeline, segmentBytes },
    ancestors: path.slice(0, -1).map(({ timeline, end = 0n }) => ({ timeline, end: formatLsn(end) })),
    ...{ serverLsn: formatLsn(now.serverLsn), receivedLsn: formatLsn(now.receivedLsn) },
    ...{ safe: placeOf(road, holders.safe), targets: targetsOf(road, holders) },
    slot: { name: slot, retainedBytes: now.retainedBytes, ...limits, ...roomTold(now) },
    ...(seam && { seam }),
    ...(now.begun && { begun: now.begun }),
    ...(now.lost && { lost: now.lost }),
    recipients: [...road.recipients],
    ...(heartbeatAt === undefined ? {} : { heartbeatAt: moment(heartbeatAt) }),
  }
}

function roomTold({ disk, growth, retainedBytes }: Road['now']): Pick<WalState['slot'], 'disk'> {
  if (disk === undefined || 'unknown' in disk) return {}
  return { disk: { freeBytes: disk.freeBytes, grewBytes: growth.to(retainedBytes) } }
}

function verdictOf({ now }: Road): Pick<WalState, 'status' | 'error'> {
  const [refusal] = now.refusals.values()
  if (now.failure !== undefined && isForAPerson(now.failure)) return { status: 'refused', error: reportOf(now.failure) }
  if (refusal !== undefined) return { status: 'refused', error: refusal.error }
  const trouble = now.failure ?? now.unshipped
  if (trouble !== undefined) return { status: 'waiting', error: reportOf(trouble) }
  return { status: now.stream === undefined ? 'waiting' : 'streaming' }
}

/** Trying again goes on all the same: a person may have set it right. */
function isForAPerson(err: LifeboatError): boolean {
  return err.code === 'WAL_FOREIGN' || err.code === 'WAL_START_FOREIGN'
}

function targetsOf(road: Road, holders: Holders): WalState['targets'] {
  const targets = holders.targets.map((target): [TargetId, WalState['targets'][TargetId]] => {
    const begins = holders.beginning(target)
    const told = begins && { begins: { ...begins, lsn: formatLsn(begins.lsn) } }
    const passed = holders.passed(target).slice(-PASSED_HOLES)
    const holes = passed.map(({ start, end }) => ({ from: formatLsn(start), to: formatLsn(end) }))
    const beat = road.now.beats.heldBy(holders.position(target))
    const heartbeat = beat === undefined ? {} : { heartbeatAt: moment(beat) }
    const place = placeOf(road, holders.position(target))
    return [target, { ...place, ...heartbeat, ...told, ...(holes.length > 0 && { passed: holes }) }]
  })
  return Object.fromEntries(targets)
}

function placeOf({ now }: Road, lsn: bigint): { lsn: Lsn; at: Moment } {
  return { lsn: formatLsn(lsn), at: moment(now.moments.heldBy(lsn) ?? 0) }
}

function withoutError({ error: _error, ...rest }: WalState): WalState {
  return rest
}

/** Milliseconds since everything the server has was off-site; undefined before anything is known. */
export function lagMs(road: Road): number | undefined {
  const state = stateOf(road)
  return state && Math.max(0, road.clock.now() - Date.parse(state.safe.at))
}

/** WAL the server has and the required targets have not. */
export function behindBytes({ now }: Road): number | undefined {
  return now.standing && Math.max(0, Number(now.serverLsn - now.standing.holders.safe))
}
