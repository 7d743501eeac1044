import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { newestHeartbeat } from '@lifeboat/postgres/heartbeat.ts'
import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest, PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../drill.ts'
import { type Answer, skipped } from '../findings.ts'
import { type BeatQuestion, type BeatVerdict, judgeBeat } from './judge-beat.ts'

/**
 * Does the newest heartbeat in the recovered database prove the moment recovery says it came to? The row was written by the source every few
 * seconds, so it shows what PostgreSQL's own word cannot: that nothing is missing at the end.
 *
 * @throws LifeboatError DRILL_POINT_UNPROVEN – nobody can tell | DRILL_HEARTBEAT_UNDESCRIBED – one was written, and where is not said here
 */
export async function checkHeartbeat(
  { heartbeat, findings, wish }: Pick<Drill, 'heartbeat' | 'findings' | 'wish'>,
  client: Pick<SourceClient, 'query'>,
  of: Pick<Manifest, 'snapshotAt'> & { physical: Pick<PhysicalFacts, 'heartbeatAt'> },
): Promise<Answer> {
  const { recovered } = findings
  const { held } = wish
  const beats = {
    beforeBackup: of.physical.heartbeatAt,
    // What an agent said of another timeline is of a branch that was left, or not come to yet.
    held: held?.timeline === recovered?.timeline ? held?.heartbeatAt : undefined,
  }
  const to = recovered?.to ?? 'end of backup'
  if (heartbeat === 'off') return skipped('The heartbeat of this source is turned off.')
  if (heartbeat === undefined) return undescribed(to, beats.held ?? beats.beforeBackup)
  const foundMs = await newestHeartbeat(client, heartbeat.schema)
  const found = foundMs === undefined ? undefined : moment(foundMs)
  if (recovered && found) findings.recovered = { ...recovered, heartbeatAt: found }
  return answerOf(judgeBeat({ found, everyMs: heartbeat.everyMs, to, snapshotAt: of.snapshotAt, ...beats }))
}

/** Nobody says here where the row lies. A backup that ends with itself needs no such proof; WAL behind it does, where there is one to be had. */
function undescribed(to: BeatQuestion['to'], known: Moment | undefined): Answer {
  if (known === undefined) return skipped('No heartbeat of this source is known.')
  if (to !== 'end of backup')
    throw new LifeboatError('DRILL_HEARTBEAT_UNDESCRIBED', { problem: `one was written at ${known}` })
  return skipped(
    `Its agent wrote a heartbeat at ${known}; where it lies is not said in the configuration of this verifier.`,
  )
}

function answerOf({ answer, because }: BeatVerdict): Answer {
  if (answer === 'unable') throw new LifeboatError('DRILL_POINT_UNPROVEN', { problem: because })
  return { answer, detail: because }
}
