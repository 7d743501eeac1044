import { Duration } from '@lifeboat/shared/time/duration.ts'
import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { byAnn, type Operators } from '@lifeboat/testkit/world/operators.ts'
import type { Stage } from './story.ts'
import type { Claim, Summary } from './summary.ts'

const PATIENTS = 'SELECT count(*)::int AS rows FROM patients'

/** The database is dropped, and comes back in its place out of the newest proven dump: as an operator would, by one signed command. */
export async function bringBackDatabase(
  { world, screen }: Stage,
  operators: Operators,
): Promise<Pick<Summary, 'restore'> & { claims: Claim[] }> {
  screen.chapter('The database dropped, and brought back in its place on a signed command')
  const { postgres, database, data } = world.source
  await postgres.query('postgres', `DROP DATABASE "${database}" WITH (FORCE)`)
  const lostAt = Date.now()
  screen.say(`DROP DATABASE ${database}; nothing answers there any more`)
  const identity = ['--identity', operators.identityFile]
  const { restoreId, outcome } = await world.json<{ restoreId: string; outcome: string }>([
    ...['restore', 'run', SOURCE, ...byAnn(operators), ...identity],
  ])
  const [found] = await postgres.query(database, PATIENTS)
  const seconds = (Date.now() - lostAt) / 1000
  const [last] = await world.json<{ backupId: string }[]>(['restore', 'status', restoreId])
  const backupId = last?.backupId ?? ''
  const objectiveSeconds = Duration.parse(world.config.objectives?.[SOURCE]?.rto) / 1000
  screen.say(`${backupId} restored, compared and in its place: ${found.rows} patients answer`)
  return {
    restore: { restoreId, backupId, seconds, rows: found.rows },
    claims: [
      {
        claim: 'the database was dropped, and came back under its name on one signed command, within the objective',
        held: outcome === 'done' && found.rows === data.patients && seconds <= objectiveSeconds,
        detail: `${found.rows} of ${data.patients} patients, out of ${backupId}`,
      },
    ],
  }
}
