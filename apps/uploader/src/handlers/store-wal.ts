import type { Delivery, Handler } from '@lifeboat/shared/bus/bus.ts'
import { WalRefused, type WalSealed, WalStored } from '@lifeboat/shared/bus/messages/wal.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { bodiesOf } from '../bodies.ts'
import { demandCluster } from '../cluster-marker.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { demandFleet } from '../fleet-marker.ts'
import { goneAnswers } from '../gone-answers.ts'
import type { Found, Wanted } from '../part-source.ts'
import { sha256Of } from '../sha256-of.ts'

type Needs = Pick<UploaderDeps, 'bus' | 'fleet' | 'markedTargets' | 'parts' | 'events' | 'clock'>

/**
 * One object of WAL to one target: whose archive is it, is it there already, else fetch and put it, then say so.
 *
 * The key names the plain bytes, so whatever lies under it counts as stored, also when it was encrypted another time. The WAL of another
 * cluster is refused for good, and told; whatever else fails comes back later.
 */
export function storeWal(deps: Needs, lane: Lane): Handler<WalSealed> {
  const targetId = lane.target.id
  const gone = goneAnswers()
  return async (sealed, delivery) => {
    if (!sealed.targets.includes(targetId)) return
    const { sourceId, key } = sealed
    try {
      const from = await lane.gate.through(delivery.signal, () => ensureStored(deps, lane, sealed, delivery.signal))
      gone.forget(key)
      await tellStored(deps, lane, sealed, from, delivery)
    } catch (thrown) {
      if (LifeboatError.is(thrown, 'WAL_FOREIGN')) await tellRefused(deps, lane, sealed, thrown, delivery)
      else if (gone.isLost(thrown, key)) deps.events.walGivenUp(delivery.log, { targetId, sourceId, key, err: thrown })
      else throw thrown
    }
  }
}

/** @returns where the bytes came from; undefined when the target had them already */
async function ensureStored(
  { parts, ...own }: Needs,
  { target }: Lane,
  sealed: WalSealed,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { key, sourceId, systemIdentifier } = sealed
  await demandFleet(own, target, signal)
  await demandCluster(target, sourceId, systemIdentifier, signal)
  if ((await target.stat(key, { signal })) !== undefined) return undefined
  const wanted = wantedOf(sealed, target.id)
  const wrong = new Set<string>()
  for (;;) {
    const found = await openOrGone(parts.open(wanted, signal, wrong))
    using body = bodiesOf(found.body, async () => (await parts.open(wanted, signal, wrong)).body)
    try {
      await target.put(key, body, { ...sealed, role: 'wal', signal })
      return found.from
    } catch (thrown) {
      // Somebody was faster, with the same plain bytes encrypted another time.
      if (LifeboatError.is(thrown, 'TARGET_KEY_TAKEN')) return undefined
      if (!LifeboatError.is(thrown, 'TARGET_CHECKSUM_MISMATCH')) throw thrown
      const again = await openOrGone(parts.open(wanted, signal, wrong))
      if ((await sha256Of(again.body)) === sealed.sha256) throw thrown
      // Encrypted anew by an agent that lost its disk, or by another way: this announcement has no bytes there any more.
      wrong.add(again.from)
    }
  }
}

/** Other bytes everywhere means that these are gone: the plain bytes are announced anew. */
async function openOrGone(opening: Promise<Found>): Promise<Found> {
  try {
    return await opening
  } catch (thrown) {
    if (!LifeboatError.is(thrown, 'ARTIFACT_DIGEST_MISMATCH')) throw thrown
    throw new LifeboatError('PART_GONE', { ...thrown.facts, everywhere: true }, { cause: thrown })
  }
}

async function tellStored(
  { bus, clock, events }: Needs,
  { target }: Lane,
  sealed: WalSealed,
  from: string | undefined,
  { log, attempt }: Delivery,
): Promise<void> {
  const storedMs = clock.now()
  const targetId = target.id
  const { sourceId, key, bytes } = sealed
  const withoutMd5 = target.checksMd5 ? {} : { withoutMd5: true as const }
  await bus.publish(WalStored, { ...aboutOf(sealed), targetId, storedAt: moment(storedMs), ...withoutMd5 })
  const facts = { targetId, sourceId, key, attempt }
  const durationMs = Math.max(0, storedMs - Date.parse(sealed.sealedAt))
  if (from === undefined) events.walFound(log, facts)
  else events.walStored(log, { ...facts, from, bytes, durationMs })
}

async function tellRefused(
  { bus, clock, events }: Needs,
  { target }: Lane,
  sealed: WalSealed,
  err: LifeboatError,
  { log }: Delivery,
): Promise<void> {
  const targetId = target.id
  const error = reportOf(err)
  await bus.publish(WalRefused, { ...aboutOf(sealed), targetId, refusedAt: moment(clock.now()), error })
  events.walRefused(log, { targetId, sourceId: sealed.sourceId, key: sealed.key, err })
}

function aboutOf({ sourceId, agentId, key, sha256, timeline, startLsn, endLsn }: WalSealed) {
  const span = startLsn === undefined || endLsn === undefined ? {} : { startLsn, endLsn }
  return { sourceId, agentId, key, sha256, timeline, ...span }
}

function wantedOf({ sourceId, agentId, key, targets }: WalSealed, target: Wanted['for']): Wanted {
  return { walOf: sourceId, agentId, key, name: key.slice(key.lastIndexOf('/') + 1), targets, for: target }
}
