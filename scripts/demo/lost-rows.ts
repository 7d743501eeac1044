import { setTimeout as pause } from 'node:timers/promises'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import type { RecoveredSource } from '@lifeboat/recovery/recover-source.ts'
import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import { Duration, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { recoverWorld } from '@lifeboat/testkit/world/recover.ts'
import type { World } from '@lifeboat/testkit/world.ts'
import type { Stage } from './story.ts'
import type { Claim, Summary } from './summary.ts'

const BASE_POLICY = 'weekly'
const NEW_PATIENTS = 250
/** Somebody notices, and the clocks of database and operator agree no better than this. */
const BEFORE_THE_MISTAKE_MS = 1_500
const OFF_SITE_WITHIN_MS = 120_000
/** What a command exits with while something needs a look. */
const ATTENTION = 6
const COUNT = 'SELECT count(*)::int AS rows FROM patients'
const ADD_PATIENTS = `INSERT INTO patients SELECT gen_random_uuid(), 'demo-' || n, 'Lost', '{And,Found}', 'unknown', '2000-01-01', '{}', NULL, now()
  FROM generate_series(1, ${NEW_PATIENTS}) n`
const NOW = `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at`

/** A base policy that only people start, and WAL to every target every two seconds. */
export function keepWal(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (policy === undefined) throw new Error(`the world has no policy ${POLICY}`)
  config.policies[BASE_POLICY] = { ...policy, kind: 'base', drill: { ...policy.drill, targets: 'rotate' } }
  config.wal = { [SOURCE]: { targets: [...policy.targets], copies: { required: 2 }, flushEvery: '2s' } }
}

/** New rows after a base backup, then a mistake: the cluster comes back, beside the original, as it was the moment before. */
export async function bringBackLostRows(
  stage: Stage,
  from: string,
): Promise<Pick<Summary, 'recovery'> & { claims: Claim[] }> {
  const { world, screen } = stage
  screen.chapter('Rows destroyed, and the second before brought back')
  const backupId = await takeBase(stage, from)
  const { before, lostAt, wrote } = await loseRows(stage)
  const lag = await offSite(stage, lostAt)
  screen.say(`the WAL of that moment is off-site ${formatDuration(lag)} after it`)
  const began = performance.now()
  await using recovered = await recoverWorld(world, {
    from,
    wanted: { goal: { to: 'time', time: before } },
    onPhase: (phase) => screen.live(`recovery: ${phase}`),
  })
  const found = await patientsRecovered(recovered, world.source.database)
  const seconds = (performance.now() - began) / 1000
  const backSeconds = (Date.now() - lostAt) / 1000
  const objectiveSeconds = Duration.parse(world.config.objectives?.[SOURCE]?.rto) / 1000
  const left = await patientsIn(world)
  screen.say(
    `recovered to ${before} from ${from} in ${formatDuration(seconds * 1000)}: ${found} patients, ${left} in the original`,
  )
  return {
    recovery: {
      backupId,
      target: from,
      to: before,
      lsn: recovered.recovered.lsn,
      seconds,
      rows: found,
      offSiteSeconds: lag / 1000,
      ...{ backSeconds, objectiveSeconds },
    },
    claims: [
      {
        claim: 'a mistake was undone: the cluster came back from one target as it was the second before',
        held: found === wrote && left === 0,
        detail: `${found} of ${wrote} patients, ${NEW_PATIENTS} of them newer than the base backup; the original has ${left}`,
      },
      {
        claim: 'it came back within the recovery time objective',
        held: backSeconds <= objectiveSeconds,
        detail: '',
      },
    ],
  }
}

async function takeBase({ world, watch, patienceMs }: Stage, from: string): Promise<string> {
  const { runs } = await world.json<{ runs: { runId: string }[] }>(['backup', 'now', SOURCE, '--policy', BASE_POLICY])
  const opts = { what: 'the base backup', withinMs: patienceMs }
  const { backupId } = await watch.first(BackupSealed, (fact) => fact.runId === runs[0]?.runId, opts)
  await watch.first(CopyStored, (fact) => fact.backupId === backupId && fact.targetId === from, opts)
  return backupId
}

/** @returns how many patients there were, and a moment at which they were all still there */
async function loseRows({ world, screen }: Stage): Promise<{ before: Moment; lostAt: number; wrote: number }> {
  const { postgres, database } = world.source
  await postgres.query(database, ADD_PATIENTS)
  const wrote = await patientsIn(world)
  await pause(BEFORE_THE_MISTAKE_MS)
  const [now] = await postgres.query(database, NOW)
  await pause(BEFORE_THE_MISTAKE_MS)
  await postgres.query(database, 'TRUNCATE patients CASCADE')
  screen.say(`${NEW_PATIENTS} patients more, ${wrote} now; and then: TRUNCATE patients CASCADE`)
  return { before: now.at, lostAt: Date.now(), wrote }
}

/** @returns milliseconds until the required targets held everything up to that moment */
async function offSite({ world }: Stage, momentMs: number): Promise<number> {
  for (const until = Date.now() + OFF_SITE_WITHIN_MS; Date.now() < until; await pause(250)) {
    const told = await world.json<{ sources: { state?: WalState }[] }>(['wal', 'status', SOURCE], [0, ATTENTION])
    const safeAt = Date.parse(told.sources[0]?.state?.safe.at ?? '')
    if (safeAt >= momentMs) return Date.now() - momentMs
  }
  throw new Error('the WAL was not off-site in time')
}

async function patientsIn({ source }: World): Promise<number> {
  const [row] = await source.postgres.query(source.database, COUNT)
  return row.rows
}

async function patientsRecovered(recovered: RecoveredSource, database: string): Promise<number> {
  await using client = await connectSource(recovered.connection(database), {
    applicationName: 'lifeboat demo',
    lockTimeoutMs: 10_000,
  })
  return (await client.query<{ rows: number }>(COUNT)).rows[0]?.rows ?? 0
}
