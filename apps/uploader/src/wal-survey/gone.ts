import { type HeldWal, isNone } from '@lifeboat/catalog/audit/wal-held.ts'
import { physicalRows } from '@lifeboat/catalog/objectives-window.ts'
import { type GoneWal, wayOf } from '@lifeboat/catalog/wal-record.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Path } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, type Timeline, type WalState } from '@lifeboat/shared/domain/wal.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { untilHole, writtenUntil } from './written-until.ts'

/** A stretch of the log; or where a timeline begins whose history is gone. */
interface Place {
  timeline: Timeline
  start: bigint
  end: bigint
  /** That leads up to it. */
  from: Timeline
  history?: true
}

/** What no target has any more, each with the moment until when nothing is missing; what is known keeps its moments. */
export async function goneOf(
  { catalog, clock }: Pick<UploaderDeps, 'catalog' | 'clock'>,
  state: WalState,
  { held, lanes, known }: { held: HeldWal; lanes: readonly Lane[]; known: readonly GoneWal[] },
  signal: AbortSignal,
): Promise<GoneWal[]> {
  const { sourceId, segmentBytes, begun } = state
  if (isNone(held)) return []
  const way = wayOf(state)
  const rows = physicalRows(await catalog.summary(sourceId))
  const gone: GoneWal[] = []
  for (const { timeline, start, end, from: leading, ...kind } of placesOf(held, way)) {
    const [from, to] = [formatLsn(start), formatLsn(end)]
    const told = known.find((one) => one.timeline === timeline && one.from === from)
    const about = { sourceId, timeline: leading, lsn: start, segmentBytes }
    const stored = told?.until ?? (await writtenUntil(lanes, about, signal))
    const until = untilHole(stored, start, { rows, way, begun })
    const since = told?.since ?? moment(clock.now())
    gone.push({ timeline, from, to, until, since, ...kind })
  }
  return gone
}

/** A history that the present timeline does not come by is in nobody's way. */
export function placesOf({ spans, histories }: HeldWal, way: Path): Place[] {
  const stretches = [...spans].flatMap(([timeline, own]) => own.map((span) => ({ timeline, ...span, from: timeline })))
  const switches = way.flatMap(({ timeline, begin }, no): Place[] => {
    const before = way[no - 1]?.timeline
    return before === undefined || !histories.has(timeline)
      ? []
      : [{ timeline, start: begin, end: begin, from: before, history: true }]
  })
  return [...stretches, ...switches]
}
