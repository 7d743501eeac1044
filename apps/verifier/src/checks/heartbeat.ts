import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { newestHeartbeat } from '@lifeboat/postgres/heartbeat.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest, PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../drill.ts'
import { type Answer, skipped } from '../findings.ts'
import { type BeatVerdict, judgeBeat } from './judge-beat.ts'

/**
 * Does the newest heartbeat in the recovered database prove the moment recovery says it came to? The row was written by the source every few
 * seconds, so it shows what PostgreSQL's own word cannot: that nothing is missing at the end.
 *
 * @throws LifeboatError DRILL_POINT_UNPROVEN – nobody can tell
 */
export async function checkHeartbeat(
  { heartbeat, findings, wish }: Pick<Drill, 'heartbeat' | 'findings' | 'wish'>,
  client: Pick<SourceClient, 'query'>,
  of: Pick<Manifest, 'snapshotAt'> & { physical: Pick<PhysicalFacts, 'heartbeatAt'> },
): Promise<Answer> {
  if (!heartbeat) return skipped('No heartbeat is written for this source.')
  const foundMs = await newestHeartbeat(client, heartbeat.schema)
  const found = foundMs === undefined ? undefined : moment(foundMs)
  const { recovered } = findings
  if (recovered && found) findings.recovered = { ...recovered, heartbeatAt: found }
  const { held } = wish
  return answerOf(
    judgeBeat({
      ...{ found, everyMs: heartbeat.everyMs, to: recovered?.to ?? 'end of backup', snapshotAt: of.snapshotAt },
      beforeBackup: of.physical.heartbeatAt,
      // What an agent said of another timeline is of a branch that was left, or not come to yet.
      held: held?.timeline === recovered?.timeline ? held?.heartbeatAt : undefined,
    }),
  )
}

function answerOf({ answer, because }: BeatVerdict): Answer {
  if (answer === 'unable') throw new LifeboatError('DRILL_POINT_UNPROVEN', { problem: because })
  return { answer, detail: because }
}
