import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type Path, pathTold } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, parseLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { order, type Span, union, within } from '@lifeboat/shared/domain/wal-spans.ts'
import type { WalRecord } from '../wal-record.ts'
import type { HeldWal } from './wal-held.ts'
import { heldOf, type WalSurvey } from './wal-survey.ts'

/** Behind every position there is. */
const OPEN_END = 1n << 64n

/**
 * The record with an archive that begins where one target's WAL does, as far as that leads without a hole to where keeping began as far as anybody remembers: whoever lost
 * the bus has the moments before that again. Where WAL was let go since then the record knows better.
 */
export function withArchiveBegin(record: WalRecord, state: WalState, { held }: Pick<WalSurvey, 'held'>): WalRecord {
  const path = pathTold(state)
  const isRemembered = record.since.lsn !== state.begun?.lsn
  if (isRemembered || path === undefined || record.systemIdentifier !== state.systemIdentifier) return record
  const since = parseLsn(record.since.lsn)
  const begins = (Object.keys(state.targets) as TargetId[]).flatMap((target) => {
    const way = heldOnWay(path, heldOf(held[target]))
    return way.find(({ start, end }) => start < since && since <= end)?.start ?? []
  })
  const [first] = begins.sort(order)
  return first === undefined ? record : { ...record, since: { ...record.since, lsn: formatLsn(first) } }
}

/** Positions only grow from one timeline to the next, so this is one union; where a timeline was left the newer one has the whole segment as well, and either counts. */
function heldOnWay(path: Path, { spans }: HeldWal): Span[] {
  return union(
    path.flatMap(({ timeline, begin, end = OPEN_END }) => {
      const own = path.flatMap((stretch) => (stretch.timeline < timeline ? [] : (spans.get(stretch.timeline) ?? [])))
      return within({ start: begin, end }, union(own))
    }),
  )
}
