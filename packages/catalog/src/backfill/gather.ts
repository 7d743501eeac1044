import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Catalog } from '../catalog.ts'
import { HOLDS_BUCKET } from '../expiry/buckets.ts'
import { readHolds, readWalPaths } from '../expiry/gather.ts'
import type { Keeping } from '../expiry/planner.ts'
import { settleSets } from '../expiry/sets.ts'
import { WAL_BUCKET } from '../wal-bucket.ts'
import { type Backfill, type BackfillDecision, type BackfillQuestion, decideBackfill } from './decide.ts'

/**
 * Reads what the bus knows and decides: what the command line shows is what a scheduler does. The records of one source are in memory at a time, and the members of sets
 * of all: what the set of one keeps is decided about again when all are known.
 */
export async function* backfillsFromBus(
  bus: Pick<Bus, 'bucket'>,
  catalog: Pick<Catalog, 'all' | 'summaries'>,
  given: {
    keeping: Pick<Keeping, 'rulesOf' | 'walWindowMs'>
    targetsOf: (policyId: PolicyId) => readonly TargetId[]
    nowMs: number
  },
): AsyncGenerator<Backfill & { sourceId: SourceId }> {
  const { keeping, targetsOf, nowMs } = given
  const { rulesOf, walWindowMs } = keeping
  const held = await readHolds(await bus.bucket(HOLDS_BUCKET))
  const walPaths = await readWalPaths(await bus.bucket(WAL_BUCKET))
  const decide = async (sourceId: SourceId, ties?: BackfillQuestion['ties']) => {
    const records = await Array.fromAsync(catalog.all({ sourceId }))
    const holds = held.filter((hold) => hold.sourceId === sourceId && hold.released === undefined)
    return decideBackfill({
      ...{ sourceId, records, targetsOf, rulesOf, holds, ties, walWindowMs: walWindowMs[sourceId], nowMs },
      walPath: walPaths.get(sourceId),
    })
  }
  const tied = new Map<SourceId, BackfillDecision>()
  for (const { sourceId } of await catalog.summaries()) {
    const decision = await decide(sourceId)
    if (decision.members.length > 0) tied.set(sourceId, decision)
    else for (const fill of decision.fills) yield { sourceId, ...fill }
  }
  await settleSets(tied, { rulesOf, nowMs }, decide)
  for (const [sourceId, { fills }] of tied) for (const fill of fills) yield { sourceId, ...fill }
}
