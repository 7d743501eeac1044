import type { Delivery, Handler } from '@lifeboat/shared/bus/bus.ts'
import { type WalRefillRequested, WalStored } from '@lifeboat/shared/bus/messages/wal.ts'
import { moment, type Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, parseLsn, rangeOf, timelineOf, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { clusterAt, demandCluster } from '../cluster-marker.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { demandFleet } from '../fleet-marker.ts'
import { type MissingWal, missingWal } from '../missing-wal.ts'
import { putWalFrom, walAt } from '../other-target.ts'
import { letGoAnew } from '../wal-let-go.ts'

type Needs = Pick<
  UploaderDeps,
  'bus' | 'fleet' | 'markedTargets' | 'lanes' | 'walStates' | 'walLetGo' | 'events' | 'clock'
>

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
      await demandFleet(deps, lane.target, signal)
      await demandCluster(lane.target, sourceId, systemIdentifier, signal)
    } catch (thrown) {
      signal.throwIfAborted()
      lane.gate.broke(thrown)
      log.warn(
        { event: 'wal.refill-put-off', targetId, err: thrown },
        'the target cannot be filled now; it is asked for again',
      )
      return
    }
    for (const other of deps.lanes) {
      if (other === lane || !wish.targets.includes(other.target.id) || lane.gate.away) continue
      await fillFrom(deps, { other, lane }, wish, delivery)
    }
  }
}

/** One that is away, or of another cluster, gives nothing; the next one may. What the filled target does not do its gate hears of. */
async function fillFrom(
  deps: Needs,
  { other, lane }: { other: Lane; lane: Lane },
  wish: WalRefillRequested,
  delivery: Delivery,
): Promise<void> {
  const { sourceId, segmentBytes, systemIdentifier } = wish
  const { signal, log } = delivery
  const { target: to, gate } = lane
  const from = other.target
  const facts = { targetId: to.id, sourceId, from: from.id }
  let [objects, bytes] = [0, 0]
  try {
    if ((await clusterAt(from, sourceId, signal)) !== systemIdentifier) return
    const list = (target: Target) => target.list(walPrefix(sourceId), { signal })
    const place = { from: parseLsn(wish.from), segmentBytes }
    // Whoever asked may not have heard of it yet.
    const isLetGo = letGoAnew(deps, { targetId: to.id, sourceId, clock: deps.clock })
    for await (const missing of missingWal(told(list(to), gate), list(from), place)) {
      if (await isLetGo(missing.object)) continue
      const content = await walAt(other, missing.key, signal)
      if (gate.away) break
      const there = content && (await gate.through(signal, () => putWalFrom(other, to, missing.key, content, signal)))
      if (there === undefined) continue
      await tellStored(deps, wish, missing, there.sha256)
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

async function* told<T>(listing: AsyncIterable<T>, gate: Lane['gate']): AsyncGenerator<T> {
  try {
    yield* listing
  } catch (thrown) {
    gate.broke(thrown)
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
