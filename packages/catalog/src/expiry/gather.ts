import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { PRESENCE_BUCKET } from '@lifeboat/shared/service/presence.ts'
import { SURVEYS_BUCKET, type TargetSurvey } from '../audit/buckets.ts'
import type { Catalog } from '../catalog.ts'
import { WAL_BUCKET } from '../wal-bucket.ts'
import { HOLDS_BUCKET } from './buckets.ts'
import { type KnowledgeFacts, knowledgeOf, lastSeen } from './knowledge.ts'
import { type ExpiryPlan, type Keeping, planExpiry, readHolds, readWalPaths } from './plan.ts'

/** Reads what the bus knows and plans: what the command line shows is what a scheduler would do. */
export async function planFromBus(
  bus: Pick<Bus, 'bucket'>,
  catalog: Pick<Catalog, 'all' | 'summaries'>,
  given: {
    keeping: Keeping
    targets: KnowledgeFacts['targets']
    sources?: readonly SourceId[] | undefined
    nowMs: number
  },
): Promise<ExpiryPlan> {
  const { keeping, targets, nowMs } = given
  const surveys = new Map<TargetId, TargetSurvey>()
  for await (const { value } of (await bus.bucket(SURVEYS_BUCKET)).entries()) surveys.set(value.targetId, value)
  const seen = await lastSeen(await bus.bucket(PRESENCE_BUCKET))
  const knowledge = knowledgeOf({ targets, surveys, ...seen, nowMs })
  const holds = await readHolds(await bus.bucket(HOLDS_BUCKET))
  const walPaths = await readWalPaths(await bus.bucket(WAL_BUCKET))
  const sources = given.sources ?? (await catalog.summaries()).map(({ sourceId }) => sourceId)
  return planExpiry({ catalog, holds, walPaths, sources, keeping, knowledge, nowMs })
}
