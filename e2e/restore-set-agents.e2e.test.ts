import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RecoveryPoint } from '@lifeboat/catalog/sets.ts'
import type { RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { RESULTS } from '@lifeboat/testkit/runbooks/incidents.ts'
import { AGENT, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { letRestore } from '@lifeboat/testkit/world/operators.ts'
import { WEEKLY, WEST, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

const APP = 'app1'
const SET = 'system'
const EXPORTED = 'results'

test('a recovery point of a cluster, tables and a tree comes back in that order by the agents of two hosts', async () => {
  await using world = await startWorld({ services: [], configure: withSystem })
  const { postgres, database } = world.source
  const { keyFile, identityFile } = await letRestore(world, { clusters: true })
  const port = await freePort()
  await world.reconfigure((config) => addAgent(config, port))
  await Promise.all([
    ...(['scheduler', 'uploader', 'verifier'] as const).map((service) => world.start(service)),
    ...[AGENT, APP].map((agent) => world.start('backup-agent', { as: agent, env: { LIFEBOAT_AGENT: agent } })),
  ])
  const before = await postgres.query(database, RESULTS)
  await world.json(['backup', 'now', SET, '--wait', 'proven'])
  const { sets } = await world.json<{ sets: RecoveryPoint[] }>(['backup', 'list'])
  const main = join(world.folder, 'app', 'main.js')
  await postgres.query(database, 'TRUNCATE validation_results CASCADE')
  writeFileSync(main, 'broken')

  const [keyed, signed] = [
    ['--identity', identityFile, '--stop-hook', `${SOURCE}=stop-pg`, '--start-hook', `${SOURCE}=start-pg`],
    ['--key', keyFile('ann'), '--why', 'a break-in', '--yes-i-mean', SET],
  ]
  const done = await world.json<object>(['restore', 'set', String(sets[0]?.point), ...keyed, ...signed])
  const steps = [SOURCE, EXPORTED, 'app'].map((sourceId) => ({ sourceId, outcome: 'done' }))
  expect(done).toMatchObject({
    steps,
    notDone: [],
    plan: { steps: [{ as: 'cluster' }, { as: 'tables' }, { as: 'files' }] },
  })
  expect([await postgres.query(database, RESULTS), readFileSync(main, 'utf8')]).toEqual([before, 'works'])
  const audited = await world.json<RestoreAudited[]>(['restore', 'status'])
  const obeyed = audited.filter(({ event }) => event === 'done').map(({ sourceId, agentId }) => [sourceId, agentId])
  expect(obeyed).toEqual([
    [SOURCE, AGENT],
    [EXPORTED, AGENT],
    ['app', APP],
  ])
})

/** A set of a base, an export of a table, and a tree on another host. */
function withSystem(config: WorldConfig): void {
  withBasesAndWal(config)
  const [records, weekly, agent] = [config.sources[SOURCE], config.policies[WEEKLY], config.agents[AGENT]]
  if (records === undefined || weekly === undefined || agent === undefined) throw new Error('the world is empty')
  const root = join(agent.spool.path, '..', 'app')
  mkdirSync(root)
  writeFileSync(join(root, 'main.js'), 'works')
  config.sources[EXPORTED] = structuredClone(records)
  config.sources.app = { kind: 'files', agent: AGENT, root }
  const { schedule } = weekly
  config.policies[SET] = {
    ...{ kind: 'set', schedule, targets: [WEST], copies: { required: 1 } },
    members: {
      code: { sources: ['app'], kind: 'files' },
      results: { sources: [EXPORTED], kind: 'tables', tables: { list: ['validation_results'] } },
      cluster: { sources: [SOURCE], kind: 'base' },
    },
  } as never
}

/** The host of the tree, whose agent obeys the same operators. */
function addAgent(config: WorldConfig, port: number): void {
  const [agent, key, records] = [config.agents[AGENT], config.signers[AGENT], config.sources[SOURCE]]
  if (agent === undefined || key === undefined || records === undefined)
    throw new Error('the world has no agent to copy')
  const at = `127.0.0.1:${port}`
  config.agents[APP] = {
    ...agent,
    url: `http://${at}`,
    listen: at,
    spool: { ...agent.spool, path: `${agent.spool.path}-app` },
  }
  config.signers[APP] = key
  Object.assign(config.sources.app as object, { agent: APP })
  const { restore } = records as { restore?: object }
  const { dataDirectory: _, ...rest } = { dataDirectory: '', ...restore }
  Object.assign(config.sources[EXPORTED] as object, { restore: rest })
}
