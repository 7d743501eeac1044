import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import type { Metrics } from '@lifeboat/shared/service/metrics.ts'
import type { Road } from './road.ts'
import { behindBytes, lagMs } from './tell.ts'

/** What a dashboard asks of the WAL of each source. */
export function walMetrics(metrics: Metrics, roads: ReadonlyMap<SourceId, Road>): void {
  const each = (name: string, help: string, read: (road: Road) => number | undefined) =>
    metrics.gauges(name, help, 'source', () =>
      [...roads].flatMap(([source, road]): [string, number][] => {
        const value = read(road)
        return value === undefined ? [] : [[source, value]]
      }),
    )
  each('lifeboat_wal_offsite_lag_seconds', 'Age of the oldest WAL that the required targets do not hold', (road) => {
    const lag = lagMs(road)
    return lag === undefined ? undefined : lag / 1000
  })
  each('lifeboat_wal_behind_bytes', 'WAL the server has and the required targets have not', behindBytes)
  each('lifeboat_wal_slot_retained_bytes', 'WAL the server keeps because of the slot', ({ now }) => now.retainedBytes)
  each('lifeboat_wal_spool_used_bytes', 'WAL that waits in the spool', ({ spool }) => spool.usedBytes)
  each('lifeboat_wal_lost_bytes', 'WAL lost for good and not healed by a base yet', lostBytes)
  each('lifeboat_wal_streaming', 'Whether WAL arrives from the server', ({ now }) => (now.stream ? 1 : 0))
}

function lostBytes({ now }: Road): number {
  return now.lost === undefined ? 0 : Number(parseLsn(now.lost.to) - parseLsn(now.lost.from))
}
