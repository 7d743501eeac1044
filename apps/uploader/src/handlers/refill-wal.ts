import { readWal } from '@lifeboat/catalog/audit/read-wal.ts'
import type { Delivery, Handler } from '@lifeboat/shared/bus/bus.ts'
import { type WalRefillRequested, WalStored } from '@lifeboat/shared/bus/messages/wal.ts'
import { moment, type Sha256 } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { formatLsn, parseLsn, rangeOf, timelineOf, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { bodiesOf } from '../bodies.ts'
import { clusterAt, demandCluster } from '../cluster-marker.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { demandFleet } from '../fleet-marker.ts'
import { type MissingWal, missingWal } from '../missing-wal.ts'

type Needs = Pick<UploaderDeps, 'bus' | 'fleet' | 'lanes' | 'events' | 'clock'>

/**
 * Brings WAL that a target lacks from other targets, by their listings: however long it was away, and whatever was announced meanwhile.
 *
 * The bytes are copied as they are, if they are still those that were put there; else another target may give them. A target that is away is let be: whoever asked asks again.
 */
export function refillWal(deps: Needs, lane: Lane): Handler<WalRefillRequested> {
  return async (wish, delivery) => {
    const { sourceId, targetId, systemIdentifier } = wish
    const { signal, log } = delivery
    try {
      if (lane.gate.away) throw new LifeboatError('TARGET_UNREACHABLE', { targetId, problem: 'known to be away' })
      await demandFleet(lane.target, deps.fleet, signal)
      await demandCluster(lane.target, sourceId, systemIdentifier, signal)
    } catch (thrown) {
      signal.throwIfAborted()
      log.warn(
        { event: 'wal.refill-put-off', targetId, err: thrown },
        'the target cannot be filled now; it is asked for again',
      )
      return
    }
    for (const other of deps.lanes) {
      if (other === lane || !wish.targets.includes(other.target.id)) continue
      await fillFrom(deps, { from: other.target, to: lane.target }, wish, delivery)
    }
  }
}

interface Way {
  from: Target
  to: Target
}

/** One that is away, or of another cluster, gives nothing; the next one may. */
async function fillFrom(deps: Needs, { from, to }: Way, wish: WalRefillRequested, delivery: Delivery): Promise<void> {
  const { sourceId, segmentBytes, systemIdentifier } = wish
  const { signal, log } = delivery
  const facts = { targetId: to.id, sourceId, from: from.id }
  let [objects, bytes] = [0, 0]
  try {
    if ((await clusterAt(from, sourceId, signal)) !== systemIdentifier) return
    const list = (target: Target) => target.list(walPrefix(sourceId), { signal })
    const place = { from: parseLsn(wish.from), segmentBytes }
    for await (const missing of missingWal(list(to), list(from), place)) {
      const sha256 = await copyObject({ from, to }, missing.key, signal)
      if (sha256 === undefined) continue
      await tellStored(deps, wish, missing, sha256)
      objects += 1
      bytes += missing.bytes
    }
  } catch (thrown) {
    signal.throwIfAborted()
    if (!LifeboatError.is(thrown, 'TARGET_KEY_ABSENT'))
      log.warn({ event: 'wal.refill-broke', ...facts, err: thrown }, 'WAL could not be brought from there')
  }
  if (objects > 0) deps.events.walRefilled(log, { ...facts, objects, bytes })
}

/**
 * Read twice: the digests have to be known before the put.
 *
 * @returns undefined when it was let go there meanwhile, or is damaged there
 */
async function copyObject({ from, to }: Way, key: Key, signal: AbortSignal): Promise<Sha256 | undefined> {
  try {
    const { content } = await readWal(from, key, { signal })
    if (content === undefined) return undefined
    using body = bodiesOf(await from.get(key, { signal }), () => from.get(key, { signal }))
    await to.put(key, body, { ...content, role: 'wal', signal })
    return content.sha256
  } catch (thrown) {
    if (LifeboatError.is(thrown, 'TARGET_KEY_ABSENT')) return undefined
    // Somebody was faster, with the same plain bytes encrypted another time.
    if (LifeboatError.is(thrown, 'TARGET_KEY_TAKEN')) return (await readWal(to, key, { signal })).content?.sha256
    throw thrown
  }
}

async function tellStored(
  { bus, clock }: Needs,
  { sourceId, agentId, targetId, segmentBytes }: WalRefillRequested,
  { key, object }: MissingWal,
  sha256: Sha256,
): Promise<void> {
  const range = rangeOf(object, segmentBytes)
  const span = range && { startLsn: formatLsn(range.start), endLsn: formatLsn(range.end) }
  const about = { sourceId, agentId, targetId, key, sha256, timeline: timelineOf(object), ...span }
  await bus.publish(WalStored, { ...about, storedAt: moment(clock.now()) })
}
