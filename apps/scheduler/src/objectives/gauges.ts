import type { Metrics } from '@lifeboat/shared/service/metrics.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Measured } from './watch.ts'

/**
 * What an operator alerts on who watches metrics instead of mails. The first three decide: did the last attempt fail after the last success,
 * what is there, and how far back does it reach. A source of which nothing is known has no value: alert on absence too.
 */
export function showGauges(metrics: Metrics, measured: ReadonlyMap<string, Measured>, clock: Clock): void {
  const show = (name: string, help: string, read: (one: Measured) => number | undefined) =>
    metrics.gauges(`lifeboat_${name}`, help, 'source', () =>
      [...measured].flatMap(([source, one]) => {
        const value = read(one)
        return value === undefined ? [] : [[source, value] as const]
      }),
    )
  show('last_failed_backup_timestamp_seconds', 'When the newest failed attempt began', (one) => seconds(one.lastFailed))
  show('last_available_backup_timestamp_seconds', 'The moment the newest stored backup brings back', (one) =>
    seconds(one.lastAvailable),
  )
  show('first_recoverability_point_timestamp_seconds', 'The oldest moment that can be brought back', ({ objectives }) =>
    seconds(objectives.firstPoint),
  )
  show('recoverable_until_timestamp_seconds', 'The newest moment that can be brought back', ({ objectives }) =>
    seconds(objectives.recoverableUntil),
  )
  show('offsite_rpo_seconds', 'Work that would be lost if the site were gone now', ({ objectives }) => {
    const until = seconds(objectives.recoverableUntil)
    return until === undefined ? undefined : Math.max(0, clock.now() / 1000 - until)
  })
  show('expected_rto_seconds', 'How long recovery is going to take, by what drills measured', ({ objectives }) =>
    objectives.rto === undefined ? undefined : objectives.rto.ms / 1000,
  )
  show(
    'wal_retained_bytes',
    'WAL the server keeps because of the replication slot',
    ({ wal }) => wal?.slot.retainedBytes,
  )
}

function seconds(at: string | undefined): number | undefined {
  return at === undefined ? undefined : Date.parse(at) / 1000
}
