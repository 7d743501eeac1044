import type { Bucket, Bus } from '@lifeboat/shared/bus/bus.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import { type Path, pathTold } from '@lifeboat/shared/domain/timelines.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import { PRESENCE_BUCKET } from '@lifeboat/shared/service/presence.ts'
import { SURVEYS_BUCKET, type TargetSurvey } from '../audit/buckets.ts'
import type { Catalog } from '../catalog.ts'
import { WAL_BUCKET } from '../wal-bucket.ts'
import { HOLDS_BUCKET, STAYED_BUCKET, type Stayed } from './buckets.ts'
import { type KnowledgeFacts, knowledgeOf, lastSeen } from './knowledge.ts'
import { ExpiryPlanner, type Keeping } from './planner.ts'

/** What plans by all the bus knows: what the command line shows is what a scheduler would do. */
export async function plannerFromBus(
  bus: Pick<Bus, 'bucket'>,
  catalog: Pick<Catalog, 'all' | 'summaries'>,
  given: {
    keeping: Keeping
    targets: KnowledgeFacts['targets']
    sources?: readonly SourceId[] | undefined
    nowMs: number
  },
): Promise<ExpiryPlanner> {
  const { keeping, targets, nowMs } = given
  const surveys = new Map<TargetId, TargetSurvey>()
  for await (const { value } of (await bus.bucket(SURVEYS_BUCKET)).entries()) surveys.set(value.targetId, value)
  const seen = await lastSeen(await bus.bucket(PRESENCE_BUCKET))
  const knowledge = knowledgeOf({ targets, surveys, ...seen, nowMs })
  const holds = await readHolds(await bus.bucket(HOLDS_BUCKET))
  const walPaths = await readWalPaths(await bus.bucket(WAL_BUCKET))
  const sources = given.sources ?? (await catalog.summaries()).map(({ sourceId }) => sourceId)
  const stayed = new Map<SourceId, Stayed>()
  for await (const { key, value } of (await bus.bucket(STAYED_BUCKET)).entries()) stayed.set(key as SourceId, value)
  return new ExpiryPlanner({ catalog, holds, walPaths, stayed, sources, keeping, knowledge, nowMs })
}

export async function readHolds(bucket: Pick<Bucket<Hold>, 'entries'>): Promise<Hold[]> {
  const holds: Hold[] = []
  for await (const { value } of bucket.entries()) holds.push(value)
  return holds
}

export async function readWalPaths(bucket: Pick<Bucket<WalState>, 'entries'>): Promise<Map<SourceId, Path>> {
  const paths = new Map<SourceId, Path>()
  for await (const { value } of bucket.entries()) {
    const path = pathTold(value)
    if (path) paths.set(value.sourceId, path)
  }
  return paths
}
