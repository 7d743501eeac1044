import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Drill } from '../drill.ts'
import { type Answer, failed, passed, skipped } from '../findings.ts'

/** The host that writes, and the one that noted when the backup was taken, may differ by this much. */
const CLOCKS_MS = 60_000
/** So many beats in a row may have been missed on a busy server. */
const MISSED_BEATS = 12

/**
 * Does the newest heartbeat in the recovered database prove the moment recovery says it came to? The row was written by the source every few
 * seconds, so it shows what PostgreSQL's own word cannot: that nothing is missing at the end.
 */
export async function checkHeartbeat(
  { heartbeat, findings }: Pick<Drill, 'heartbeat' | 'findings'>,
  client: Pick<SourceClient, 'query'>,
  of: Pick<Manifest, 'startedAt' | 'snapshotAt'>,
): Promise<Answer> {
  if (!heartbeat) return skipped('No heartbeat is written for this source.')
  const table = `${quoteIdent(heartbeat.schema)}.heartbeat`
  const there = await client.query<{ there: boolean }>('select to_regclass($1) is not null as there', [table])
  if (!there.rows[0]?.there) return skipped('The source had no heartbeat yet at that moment.')
  const { rows } = await client.query<{ at: Date | null }>(`select max(beat_at) as at from ${table}`)
  const at = rows[0]?.at?.getTime()
  if (at === undefined) return skipped('The source had written no heartbeat yet at that moment.')
  const heartbeatAt = moment(at)
  if (findings.recovered) findings.recovered = { ...findings.recovered, heartbeatAt }
  const slack = heartbeat.everyMs * MISSED_BEATS + CLOCKS_MS
  const to = findings.recovered?.to ?? 'end of backup'
  if (to === 'latest') return passed(`The newest heartbeat is of ${heartbeatAt}.`)
  const atEnd = to === 'end of backup'
  const goal = Date.parse(atEnd ? of.snapshotAt : to.time)
  if (at > goal + (atEnd ? CLOCKS_MS : 0))
    return failed(`The newest heartbeat is of ${heartbeatAt}, later than the moment recovered to, ${moment(goal)}.`)
  const age = `${formatDuration(Math.max(0, goal - at))} before the moment recovered to`
  if (goal - at <= slack) return passed(`The newest heartbeat is of ${heartbeatAt}, ${age}.`)
  return skipped(`The newest heartbeat is of ${heartbeatAt}, ${age}: nobody wrote one then, so it proves nothing.`)
}
