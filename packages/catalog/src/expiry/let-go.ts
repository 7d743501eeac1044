import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { STAYED_BUCKET } from './buckets.ts'
import type { PlanSummary } from './plan.ts'
import type { ExpiryPlanner } from './planner.ts'
import { wishToLetGo } from './wishes.ts'

/**
 * Asks for the first step of everything that was summed up, source after source. Each is planned once more; one of which something else is to go by now
 * is left for the next time. What stays is remembered, of sources of which nothing goes as well.
 */
export async function letGo(
  { bus }: { bus: Pick<Bus, 'publish' | 'bucket'> },
  planner: Pick<ExpiryPlanner, 'again'>,
  { digests, stayed }: Pick<PlanSummary, 'digests' | 'stayed'>,
  asked: { by: string; undeleteMs: number; nowMs: number },
): Promise<{ copies: number; wal: number; changed: SourceId[] }> {
  const gone = { copies: 0, wal: 0, changed: [] as SourceId[] }
  for (const [sourceId, digest] of digests) {
    const plan = await planner.again(sourceId)
    if (plan.digest !== digest) {
      gone.changed.push(sourceId)
      continue
    }
    const { copies, wal } = await wishToLetGo({ bus }, plan, asked)
    gone.copies += copies
    gone.wal += wal
  }
  const remembered = await bus.bucket(STAYED_BUCKET)
  const at = moment(asked.nowMs)
  for (const [sourceId, counts] of stayed)
    if (!gone.changed.includes(sourceId)) await remembered.put(sourceId, { at, stayed: counts })
  return gone
}
