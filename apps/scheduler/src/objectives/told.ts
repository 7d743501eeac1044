import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { Moment } from '@lifeboat/shared/domain/ids.ts'
import { Objectives } from '@lifeboat/shared/domain/objectives.ts'
import type { z } from 'zod'

/** What was told last of a source, so that neither a restart nor a second scheduler tells it again. Key: the source. */
export const Told = Objectives.extend({ measuredAt: Moment })
export type Told = z.infer<typeof Told>

export const TOLD_BUCKET: BucketDefinition<Told> = {
  name: 'lifeboat_objectives',
  summary: 'What was told last of each source’s recoverable window, off-site RPO and expected RTO.',
  schema: Told,
  permanent: true,
}

const TELL_AGAIN_AFTER_MS = 60_000
/** Recovery that takes so much longer or shorter is news. */
const RTO_MOVES_BY = 0.25

/** Whether what is measured now should be told: something a person would plan by is another than what was told last. */
export function isNews(now: Objectives, told: Told | undefined, nowMs: number): boolean {
  if (told === undefined) return true
  if (Math.abs(nowMs - Date.parse(told.measuredAt)) < TELL_AGAIN_AFTER_MS) return false
  return outline(now) !== outline(told) || rtoMoved(now, told)
}

/** What must not change in silence; that time goes on and windows grow is no news. */
function outline({ by, kept, windows, firstPoint }: Objectives): string {
  const ends = windows.map(({ from, to, provenFrom, current }) => [from, current ? '' : to, provenFrom !== undefined])
  return JSON.stringify([by, kept, ends, firstPoint])
}

function rtoMoved({ rto: now }: Objectives, { rto: before }: Objectives): boolean {
  if (now === undefined || before === undefined) return now !== before
  return Math.abs(now.ms - before.ms) > RTO_MOVES_BY * before.ms
}
