import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { Moment, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, Lsn, parseLsn, Timeline } from '@lifeboat/shared/domain/wal.ts'
import { z } from 'zod'
import { GoneWal } from '../wal-record.ts'
import type { HeldWal } from './wal-held.ts'

/** More stretches than that are a target in pieces: the newest count. */
const SPANS = 256

const Stretches = z.object({
  spans: z.array(z.object({ timeline: Timeline, from: Lsn, to: Lsn })).max(SPANS),
  histories: z.array(Timeline),
})
type Stretches = z.infer<typeof Stretches>

/** What a look at the names of all WAL of a source came to. */
export const WalSurvey = z.object({
  sourceId: SourceId,
  at: Moment,
  /** Of each target that could ever be listed: what was seen there at any look and was not let go since. */
  seen: z.record(TargetId, Stretches),
  /** What each listed when it could be listed last. */
  held: z.record(TargetId, Stretches),
  /** What was seen and no target has any more, by the last look that could list all of them. */
  gone: z.array(GoneWal),
})
export type WalSurvey = z.infer<typeof WalSurvey>

/** Key: the source. */
export const WAL_SURVEYS_BUCKET: BucketDefinition<WalSurvey> = {
  name: 'lifeboat_wal_surveys',
  summary: 'What WAL of each source was ever seen at each target, by its names, and what of it no target has any more.',
  schema: WalSurvey,
  permanent: true,
}

export function heldOf(told: Stretches | undefined): HeldWal {
  const all =
    told?.spans.map(({ timeline, from, to }) => ({ timeline, start: parseLsn(from), end: parseLsn(to) })) ?? []
  return { spans: Map.groupBy(all, ({ timeline }) => timeline), histories: new Set(told?.histories) }
}

export function stretchesOf({ spans, histories }: HeldWal): Stretches {
  const all = [...spans].flatMap(([timeline, own]) =>
    own.map(({ start, end }) => ({ timeline, from: formatLsn(start), to: formatLsn(end) })),
  )
  return { spans: all.slice(-SPANS), histories: [...histories].sort((a, b) => a - b) }
}
