import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RecoveryPoint } from '@lifeboat/catalog/sets.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { AGENT, POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

const APP = 'app1'
const THIS_AGENT = { LIFEBOAT_AGENT: AGENT }

test('a set of a dump, a base and tables is proven as one; one whose other host died is said to be incomplete, and completed when the host is back', async () => {
  const port = await freePort()
  await using world = await startWorld({
    configure: (config) => withSets(config, port),
    services: ['scheduler', 'uploader', 'verifier', 'alerter'],
  })
  await world.start('backup-agent', { env: THIS_AGENT })

  const taken = await world.json<Runs>(['backup', 'now', 'weekly', '--wait', 'proven'])
  expect(taken.runs.map(({ policyId, outcome }) => `${policyId} ${outcome}`).sort()).toEqual([
    'weekly-cluster ok',
    'weekly-database ok',
    'weekly-results ok',
  ])
  // Schedulers note what became of it while the command line hears of it.
  await eventually(async () => {
    const weekly = await newestOf(world, 'weekly', [0, 6])
    expect(weekly).toMatchObject({ state: 'proven', members: Array(3).fill({ state: 'proven' }) })
    const holds = await world.json<{ backupId: string; why: string; by: string }[]>(['hold', 'list'])
    expect(holds.map(({ backupId, by, why }) => `${backupId} ${by} ${why}`).sort()).toEqual(
      weekly.members.map(({ backupId }) => `${backupId} policy weekly the auditors want it`).sort(),
    )
  })

  await world.json(['backup', 'now', 'whole'])
  const lacking = await eventually(async () => {
    const found = await newestOf(world, 'whole', [0, 6])
    expect(found).toMatchObject({ state: 'incomplete', members: [{ state: 'proven' }, { state: 'late' }] })
    return found
  })
  expect(lacking.reasons.join()).toMatch(/^whole-app of app: late, not begun by /)
  const mail = await world.smtp.waitForMail(({ subject }) => subject.includes('The set whole is incomplete'), {
    withinMs: 240_000,
  })
  expect(mail.text).toContain('whole-app of app')

  await world.start('backup-agent', { as: APP, env: { LIFEBOAT_AGENT: APP } })
  await eventually(async () => {
    const whole = await newestOf(world, 'whole', [0, 6])
    expect(whole).toMatchObject({ point: lacking.point, state: 'proven' })
  })
  await world.smtp.waitForMail(({ subject }) => /resolved.*The set whole is incomplete/i.test(subject), {
    withinMs: 240_000,
  })
})

interface Runs {
  runs: { policyId: string; outcome: string }[]
}

async function newestOf(world: World, setId: string, exits: number[] = [0]): Promise<RecoveryPoint> {
  const { sets } = await world.json<{ sets: RecoveryPoint[] }>(['backup', 'list'])
  const found = sets.find((one) => one.setId === setId)
  if (found === undefined) throw new Error(`no recovery point of ${setId}`)
  return world.json<RecoveryPoint>(['backup', 'show', found.point], exits)
}

function withSets(config: WorldConfig, port: number): void {
  const daily = config.policies[POLICY]
  const agent = config.agents[AGENT]
  const key = config.signers[AGENT]
  if (daily === undefined || agent === undefined || key === undefined) throw new Error('the world has no agent to copy')
  const root = join(agent.spool.path, '..', 'app')
  mkdirSync(root)
  writeFileSync(join(root, 'package.json'), '{}')
  config.agents[APP] = {
    ...{ ...agent, url: `http://127.0.0.1:${port}`, listen: `127.0.0.1:${port}` },
    spool: { ...agent.spool, path: join(agent.spool.path, '..', 'spool-app') },
  }
  config.signers[APP] = key
  config.sources.app = { kind: 'files', agent: APP, root }
  const common = {
    ...{ kind: 'set', schedule: { cron: '0 4 1 1 *' }, targets: daily.targets, copies: daily.copies },
    ...{ grace: '5s', maxDuration: '10m' },
  }
  Object.assign(config.policies, {
    weekly: {
      ...common,
      hold: 'the auditors want it',
      members: {
        database: { policy: POLICY },
        cluster: { sources: [SOURCE], kind: 'base' },
        results: { sources: [SOURCE], kind: 'tables', tables: { list: ['validation_results'] } },
      },
    },
    whole: { ...common, members: { database: { policy: POLICY }, app: { sources: ['app'], kind: 'files' } } },
  })
}
