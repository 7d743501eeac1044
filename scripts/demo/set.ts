import type { RecoveryPoint } from '@lifeboat/catalog/sets.ts'
import { POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { FILES_POLICY } from './files.ts'
import type { Stage } from './story.ts'
import type { Claim } from './summary.ts'
import { EXPORT_POLICY } from './tables.ts'

const SET = 'whole-system'

/** Database, cluster, validation data and application as one; only people start it here. */
export function bindSet(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (policy === undefined) throw new Error(`the world has no policy ${POLICY}`)
  const { targets, copies } = policy
  Object.assign(config.policies, {
    [SET]: {
      ...{ kind: 'set', schedule: { cron: '0 1 1 1 *' }, targets, copies },
      members: {
        // The first chapter drills the daily dump from each target; once is enough here.
        database: { sources: [SOURCE], kind: 'dump' },
        cluster: { sources: [SOURCE], kind: 'base' },
        validation: { policy: EXPORT_POLICY },
        application: { policy: FILES_POLICY },
      },
    },
  })
}

/** The whole system under one recovery point: it is proven only when every member is. */
export async function takeSet({ world, screen }: Stage): Promise<{ claims: Claim[] }> {
  screen.chapter('The whole system as one: database, cluster, validation data and application under one recovery point')
  await world.json(['backup', 'now', SET, '--wait', 'proven'])
  const { sets } = await world.json<{ sets: RecoveryPoint[] }>(['backup', 'list'])
  const point = sets.find(({ setId }) => setId === SET)
  const members = point?.members ?? []
  screen.say(`${point?.point} is ${point?.state}: ${members.map(({ backupId }) => backupId).join(', ')}`)
  return {
    claims: [
      {
        claim: 'a dump, a base, tables and files were taken under one recovery point, and it is complete and proven',
        held: point?.state === 'proven' && members.length === 4,
        detail: members.map(({ policyId, sourceId, state }) => `${policyId} of ${sourceId} ${state}`).join(', '),
      },
    ],
  }
}
