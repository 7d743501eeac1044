import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { type Moment, moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { isOnPath, type Path } from '@lifeboat/shared/domain/timelines.ts'
import {
  parseLsn,
  parseWalKey,
  rangeOf,
  segmentAt,
  type Timeline,
  type WalState,
  walPrefix,
} from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Lane } from '../deps.ts'

/** WAL that lags further behind is an incident of its own. */
const LAG_MS = 5 * 60_000

/**
 * Up to when what was written surely lies before a place of the log: a little before the first target stored what leads up to it.
 *
 * @returns undefined where no target says when it stored that
 */
export async function writtenUntil(
  lanes: readonly Lane[],
  {
    sourceId,
    timeline,
    lsn,
    segmentBytes,
  }: { sourceId: SourceId; timeline: Timeline; lsn: bigint; segmentBytes: number },
  signal: AbortSignal,
): Promise<Moment | undefined> {
  const segment = segmentAt(timeline, lsn - 1n, segmentBytes)
  const prefix = `${walPrefix(sourceId)}${segment.slice(0, 8)}/${segment}`
  const times: number[] = []
  for (const { target } of lanes) {
    try {
      for await (const { key, storedAt } of target.list(prefix, { signal })) {
        const object = parseWalKey(key)
        const range = object && rangeOf(object, segmentBytes)
        if (range?.end === lsn && storedAt !== undefined) times.push(Date.parse(storedAt) - LAG_MS)
      }
    } catch (thrown) {
      signal.throwIfAborted()
      if (!LifeboatError.from(thrown).code.startsWith('TARGET_')) throw thrown
    }
  }
  return times.length === 0 ? undefined : moment(Math.min(...times))
}

/**
 * Up to when everything written surely lies before a hole.
 *
 * Targets that were filled late stored what leads up to it days after it was written: a backup on the way that had begun by then, and whose WAL begins at the hole or behind, proves that the log had
 * passed the hole already, and not when. Then it is the moment the last backup before the hole brings back, or the one at which keeping began.
 *
 * @param stored as `writtenUntil` has it
 */
export function untilHole(
  stored: Moment | undefined,
  lsn: bigint,
  { rows, way, begun }: { rows: readonly BackupRow[]; way: Path; begun: WalState['begun'] },
): Moment {
  const bases = rows.flatMap(({ physical, startedAt, snapshotAt }) => {
    if (physical === undefined) return []
    const [start, end] = [parseLsn(physical.startLsn), parseLsn(physical.endLsn)]
    return isOnPath(way, physical.timeline, end) ? [{ start, end, startedAt, snapshotAt }] : []
  })
  const isLate = bases.some(
    ({ start, startedAt }) => start >= lsn && Date.parse(startedAt) < Date.parse(stored ?? '') + LAG_MS,
  )
  if (stored !== undefined && !isLate) return stored
  const ended = bases.flatMap(({ end, snapshotAt }) => (end <= lsn && snapshotAt ? [Date.parse(snapshotAt)] : []))
  const kept = begun && parseLsn(begun.lsn) <= lsn ? [Date.parse(begun.at)] : []
  return moment(Math.max(0, ...ended, ...kept))
}
