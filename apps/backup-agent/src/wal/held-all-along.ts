import { heldOf, WAL_SURVEYS_BUCKET } from '@lifeboat/catalog/audit/wal-survey.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { followStored } from './follow.ts'
import type { Road, Standing } from './road.ts'

/**
 * What targets hold along a way that was not ours until now: as uploaders last listed it, however long ago it was stored, and what was told of as stored since. The bus
 * remembers a week of that, and uploaders look every six hours.
 */
export async function heldAllAlong(road: Road, { holders }: Standing): Promise<void> {
  const survey = (await (await road.bus.bucket(WAL_SURVEYS_BUCKET)).get(road.sourceId))?.value
  for (const targetId of Object.keys(survey?.held ?? {}) as TargetId[]) {
    const { spans, histories } = heldOf(survey?.held[targetId])
    for (const timeline of histories) holders.storedHistory(targetId, timeline)
    for (const [timeline, own] of spans) for (const span of own) holders.stored(targetId, timeline, span)
  }
  await followStored(road, 0)
}
