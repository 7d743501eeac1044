import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Catalog } from '../catalog.ts'
import { HOLDS_BUCKET } from '../expiry/buckets.ts'
import { type Keeping, readHolds } from '../expiry/plan.ts'
import { type Backfill, decideBackfill } from './decide.ts'

/** Reads what the bus knows and decides, one source in memory at a time: what the command line shows is what a scheduler does. */
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
  for (const { sourceId } of await catalog.summaries()) {
    const records = await Array.fromAsync(catalog.all({ sourceId }))
    const holds = held.filter((hold) => hold.sourceId === sourceId && hold.released === undefined)
    const question = { sourceId, records, targetsOf, rulesOf, holds, walWindowMs: walWindowMs[sourceId], nowMs }
    for (const fill of decideBackfill(question)) yield { sourceId, ...fill }
  }
}
