import type { ReplicationConnection } from '@lifeboat/postgres/replication/connection.ts'
import { formatLsn, parseLsn, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { beginAnew } from './anew.ts'
import type { Met } from './begin.ts'
import { higher } from './holders.ts'
import type { Road, Standing } from './road.ts'
import { segmentStart } from './segment.ts'

const ENDS_BEFORE =
  'the WAL of the server ends before what was received of it: pg_resetwal began it anew, or an older copy of it was put in place'

/**
 * A primary whose WAL ends before what it sent once will write other WAL to the same places. Recovery could not tell the two apart, so nothing of it is kept
 * before the end of the archive: the hole is recorded at once, and WAL goes on behind it.
 *
 * A standby may be behind another server whose WAL was received before, and says nothing by that.
 *
 * @throws LifeboatError WAL_REWRITTEN – the server has not come to where WAL goes on
 */
export async function refuseRewritten(
  road: Road,
  connection: ReplicationConnection,
  standing: Standing,
  { flushed, path }: Met,
): Promise<void> {
  const { now } = road
  if (flushed === undefined) return
  const reach = reachOf(road, standing)
  if (flushed >= reach) return
  if (now.lost === undefined || parseLsn(now.lost.to) < reach) {
    now.serverLsn = flushed
    now.receivedLsn = flushed
    await beginAnew(road, connection, ENDS_BEFORE, path.at(-1)?.timeline as Timeline, nextSegment(reach, standing))
  }
  const goesOnAt = formatLsn(standing.holders.safe)
  throw new LifeboatError('WAL_REWRITTEN', { sourceId: road.sourceId, serverLsn: formatLsn(flushed), goesOnAt })
}

/** Where the first segment begins of which the archive has nothing. */
export function behindArchive(road: Road, standing: Standing): bigint {
  return nextSegment(reachOf(road, standing), standing)
}

/** Everything that was received, and what targets hold. */
function reachOf({ now }: Road, { holders }: Standing): bigint {
  return holders.targets.map((target) => holders.position(target)).reduce(higher, now.receivedLsn)
}

function nextSegment(lsn: bigint, { segmentBytes }: Standing): bigint {
  return segmentStart(lsn + BigInt(segmentBytes) - 1n, segmentBytes)
}
