import { setTimeout as pause } from 'node:timers/promises'
import { physicalRows } from '@lifeboat/catalog/objectives-window.ts'
import { WalRefillRequested } from '@lifeboat/shared/bus/messages/wal.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { judgeRefill, refillFrom, type Watched } from './refill-rules.ts'
import type { Road, Standing } from './road.ts'
import { segmentStart } from './segment.ts'

const LOOK_EVERY_MS = 30_000

/** Looks after targets that lack WAL nobody offers them any more, for as long as the agent lives. */
export async function refillTargets(road: Road): Promise<void> {
  const { signal, log, wal } = road
  const watched = new Map<TargetId, Watched>()
  for (
    ;
    !signal.aborted;
    await pause(Math.min(LOOK_EVERY_MS, wal.refill.after), undefined, { signal }).catch(() => {})
  ) {
    try {
      await look(road, watched)
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      log[err.level]({ event: 'wal.refill-unasked', err }, 'targets could not be asked to be filled yet')
    }
  }
}

async function look(road: Road, watched: Map<TargetId, Watched>): Promise<void> {
  const { clock, wal, now } = road
  const { standing } = now
  // With one target there is nobody to fill it from.
  if (standing === undefined || wal.targets.length < 2) return
  for (const targetId of standing.holders.targets) {
    const hole = standing.holders.holeAt(targetId)
    const about = { targetId, hole, before: watched.get(targetId), nowMs: clock.now() }
    const verdict = judgeRefill({ ...about, afterMs: wal.refill.after, everyMs: wal.refill.every })
    if (verdict.reason !== undefined) await ask(road, standing, targetId, verdict.reason)
    watched.set(targetId, verdict.watched)
  }
}

async function ask(road: Road, standing: Standing, targetId: TargetId, reason: string): Promise<void> {
  const { bus, clock, sourceId, agentId, wal, log } = road
  const { systemIdentifier, segmentBytes } = standing
  const from = await neededFrom(road, standing, targetId)
  const cluster = { systemIdentifier, segmentBytes, from: formatLsn(segmentStart(from, segmentBytes)) }
  const about = { sourceId, agentId, targetId, targets: [...wal.targets], ...cluster, reason }
  await bus.publish(WalRefillRequested, { ...about, requestedAt: moment(clock.now()) })
  log.info(
    { event: 'wal.refill-requested', targetId, reason, from: cluster.from },
    'asked to fill the WAL of a target from others',
  )
}

async function neededFrom(road: Road, { holders }: Standing, targetId: TargetId): Promise<bigint> {
  const { catalog, sourceId } = road
  const starts = physicalRows(await catalog.summary(sourceId)).flatMap(({ physical, state }) =>
    physical !== undefined && state !== 'failed' ? [parseLsn(physical.startLsn)] : [],
  )
  return refillFrom(holders.position(targetId), starts, holders.beginsAt(targetId))
}
