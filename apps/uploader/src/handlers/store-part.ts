import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import { type PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { partKey } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { compareContent } from '@lifeboat/storage/same-content.ts'
import { bodiesOf } from '../bodies.ts'
import { demandClusterOfBase } from '../cluster-marker.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { demandFleet } from '../fleet-marker.ts'
import { goneAnswers } from '../gone-answers.ts'
import type { Wanted } from '../part-source.ts'
import { refuseCopyOrThrow } from '../refuse-copy.ts'
import { sha256Of } from '../sha256-of.ts'

/**
 * One part to one target: look whether it is there, else fetch and put it, then say so. Whatever the store confirmed is told; whatever
 * failed comes back later, for as long as the fact stays on its stream.
 */
export function storePart(
  deps: Pick<UploaderDeps, 'bus' | 'fleet' | 'markedTargets' | 'parts' | 'events' | 'clock'>,
  lane: Lane,
): Handler<PartSealed> {
  const targetId = lane.target.id
  const gone = goneAnswers()
  return async (sealed, delivery) => {
    if (!sealed.targets.includes(targetId)) return
    const { backupId, sourceId, agentId, artifact, part } = sealed
    const about = { backupId, sourceId, agentId, artifact, targetId }
    const began = deps.clock.now()
    const key = partKey(sourceId, backupId, artifact, part.no)
    try {
      const store = () => lane.underWay.during(key, () => ensureStored(deps, lane, sealed, delivery.signal))
      const from = await lane.gate.through(delivery.signal, store)
      gone.forget(key)
      const durationMs = Math.max(0, Math.round(deps.clock.now() - began))
      const withoutMd5 = lane.target.checksMd5 ? {} : { withoutMd5: true as const }
      await deps.bus.publish(PartStored, { ...about, partNo: part.no, bytes: part.bytes, durationMs, ...withoutMd5 })
      const facts = { ...about, partNo: part.no, attempt: delivery.attempt }
      if (from === undefined) deps.events.partFound(delivery.log, facts)
      else deps.events.partStored(delivery.log, { ...facts, from, bytes: part.bytes, durationMs })
    } catch (thrown) {
      if (gone.isLost(thrown, key)) deps.events.partGivenUp(delivery.log, { ...about, partNo: part.no, err: thrown })
      else await refuseCopyOrThrow(deps, lane, sealed, thrown, delivery.log)
    }
  }
}

/** @returns where the bytes came from; undefined when the target had them already */
async function ensureStored(
  { parts, ...own }: Pick<UploaderDeps, 'fleet' | 'markedTargets' | 'parts'>,
  { target }: Lane,
  sealed: PartSealed,
  signal: AbortSignal,
): Promise<string | undefined> {
  const key = partKey(sealed.sourceId, sealed.backupId, sealed.artifact, sealed.part.no)
  const there = await target.stat(key, { signal })
  if (there !== undefined && compareContent(there, sealed.part) === 'same') return undefined
  await demandFleet(own, target, signal)
  await demandClusterOfBase(target, sealed, signal)
  const wanted = wantedOf(sealed, key, target.id)
  const wrong = new Set<string>()
  for (;;) {
    const found = await parts.open(wanted, signal, wrong)
    using body = bodiesOf(found.body, async () => (await parts.open(wanted, signal, wrong)).body)
    try {
      await target.put(key, body, { ...sealed.part, role: 'part', policyId: sealed.policyId, signal })
      return found.from
    } catch (thrown) {
      if (!LifeboatError.is(thrown, 'TARGET_CHECKSUM_MISMATCH')) throw thrown
      // Either the bytes were wrong when they came, or the target got or keeps others: only reading them again tells whom to blame.
      const again = await parts.open(wanted, signal, wrong)
      if ((await sha256Of(again.body)) === sealed.part.sha256) throw thrown
      wrong.add(again.from)
    }
  }
}

function wantedOf({ backupId, agentId, targets }: PartSealed, key: string, target: Wanted['for']): Wanted {
  return { backupId, agentId, targets, key, name: key.slice(key.lastIndexOf('/') + 1), for: target }
}
