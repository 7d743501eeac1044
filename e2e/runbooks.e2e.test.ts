import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { AGENT, POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { SERVICES } from '@lifeboat/testkit/world/processes.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { askRecovered, emptyHost, stoppedInTheEnd } from './support/hosts.ts'
import { offSiteNow, WEEKLY, withBasesAndWal } from './support/physical.ts'
import { openRestoreWorld } from './support/restore-world.ts'
import { openRunbook } from './support/runbook.ts'

const HASH = 'SELECT count(*)::int AS rows, sum(hashtext(v::text)) AS hash FROM validation_results v'
const SOME_ROWS = 'DELETE FROM validation_results WHERE hashtext(id::text) % 3 = 0'

test('level 1: a service that died is named, and after its start backups go on', async () => {
  await using world = await startWorld()
  const page = await openRunbook('level-1.md', world.folder)
  await world.kill('uploader', 'SIGKILL')
  await eventually(async () =>
    expect(await page.run('What is it?', surroundings(world))).toMatch(/✗ service +uploader\n.*silent/),
  )
  await world.restart('uploader')
  expect(await page.run('Is it well again?', surroundings(world))).toMatch(/✓ service +uploader/)
  await greenSource(world)
})

test('level 2: a table comes back out of a moment, and the whole database in its place', async () => {
  await using host = await emptyHost()
  await using world = await startWorld({ configure: withBasesAndWal })
  const { postgres, database } = world.source
  const page = await openRunbook('level-2.md', world.folder)
  const before = await postgres.query(database, HASH)
  await takeAll(world)
  const moment = await offSiteNow(world)
  await postgres.query(database, 'DELETE FROM validation_results')

  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), postgres)
  const env = {
    ...surroundings(world),
    FOLDER: folder,
    PORT: String(port),
    BEFORE: moment,
    TABLE: 'validation_results',
  }
  await page.run('Out of a moment', env)
  expect(await postgres.query(database, HASH)).toEqual(before)

  await postgres.query(database, 'DROP TABLE validation_results')
  await page.run('In its place', env)
  expect(await postgres.query(database, HASH)).toEqual(before)
  await page.run('Afterwards', env)
})

test('level 2: a cluster whose data directory is gone comes back in its place with the last WAL, and backups go on', async () => {
  await using at = await openRestoreWorld({ clusters: true, configure: withBasesAndWal })
  const { world, identityFile, keyFile } = at
  const { postgres, database } = world.source
  const page = await openRunbook('level-2.md', world.folder)
  const before = await takeAllAndGoOn(world)
  await postgres.stop('immediate')
  await rm(postgres.dataDir, { recursive: true })

  const operator = { KEY: keyFile('ann'), IDENTITY: identityFile, STOP: 'stop-pg', START: 'start-pg' }
  const said = await page.run('The cluster in its place', { ...surroundings(world), ...operator })
  expect(said).toMatch(/There is no data directory now; nothing is put aside\./)
  expect(await postgres.query(database, HASH)).toEqual(before)
  await greenSource(world)
})

test('level 3: on a new host the cluster comes back with the last WAL, and backups go on from there', async () => {
  await using host = await emptyHost()
  await using world = await startWorld({ configure: withBasesAndWal })
  const { postgres, database } = world.source
  const page = await openRunbook('level-3.md', world.folder)
  const before = await takeAllAndGoOn(world)
  await world.kill('backup-agent', 'SIGKILL')
  await postgres.stop('immediate')

  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), postgres)
  const env = { ...surroundings(world), FOLDER: folder, PORT: String(port) }
  expect(await page.run('A new host', env)).toMatch(/base/)
  await page.run('Bring it back', env)
  await world.reconfigure((config) => moveTo(config, { port, spool: join(host.path, 'spool') }))
  // The name of an agent is free only some seconds after the one that had it died.
  for (const service of SERVICES) await eventually(() => world.restart(service))
  expect(await page.run('Afterwards', env)).toMatch(/✓ service +backup-agent db1/)
  await greenSource(world)
  expect(await askRecovered({ port, database, password: postgres.password }, HASH)).toEqual(before)
})

test('level 4: from one bucket and the safe, data, services and catalogue come back, and backups go on', async () => {
  await using host = await emptyHost()
  const lost = await loseSite(host.path)
  await using world = await startWorld({ services: [], configure: (config) => takeFromSafe(config, lost, host.path) })
  const page = await openRunbook('level-4.md', world.folder)

  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), world.source.postgres)
  const env = {
    ...surroundings(world),
    IDENTITY: join(host.path, 'keys/age-identity'),
    FOLDER: folder,
    PORT: String(port),
  }
  await page.run('The data', env)
  expect(await askRecovered({ port, ...lost }, HASH)).toEqual(lost.before)
  await world.reconfigure((config) => moveTo(config, { port, spool: join(host.path, 'spool') }))
  for (const service of SERVICES) await world.start(service)
  expect(await page.run('The services', env)).toMatch(/proven/)
  expect(await page.run('Backups go on', env)).toMatch(/proven at west/)
  await greenSource(world)
})

/** What a page leaves to be filled in, for a world. */
function surroundings({ folder, configPath, source: { postgres, database } }: World): Record<string, string> {
  return {
    LIFEBOAT_CONFIG: configPath,
    ...{ SOURCE, DATABASE: database, TARGET: 'west', POLICY: WEEKLY },
    IDENTITY: join(folder, 'keys/age-identity'),
    SERVER: `postgres://${postgres.user}@${postgres.host}:${postgres.port}/postgres`,
    PGHOST: postgres.host,
    PGPORT: String(postgres.port),
    PGUSER: postgres.user,
    PGPASSWORD: postgres.password,
  }
}

/** What agents and schedulers have seen is recorded some seconds later. */
async function greenSource(world: World): Promise<void> {
  await eventually(async () => expect((await world.cli(['doctor'])).stdout).toMatch(/✓ source +records/))
}

async function takeAll(world: World): Promise<void> {
  for (const policy of [POLICY, WEEKLY])
    await world.json(['backup', 'now', SOURCE, '--policy', policy, '--wait', 'proven'])
}

/** Backups, then changes that only WAL knows; gives what is to come back. */
async function takeAllAndGoOn(world: World): Promise<unknown[]> {
  const { postgres, database } = world.source
  await takeAll(world)
  await postgres.query(database, SOME_ROWS)
  await offSiteNow(world)
  return await postgres.query(database, HASH)
}

/** The source has another address now, and its agent another disk. */
function moveTo(config: WorldConfig, { port, spool }: { port: number; spool: string }): void {
  const [source, agent] = [config.sources[SOURCE], config.agents[AGENT]]
  if (source === undefined || agent === undefined) throw new Error('the world has no source to move')
  Object.assign(source, { host: '127.0.0.1', port })
  agent.spool = { ...agent.spool, path: spool }
}

interface LostSite {
  config: WorldConfig
  folder: string
  database: string
  password: string
  before: unknown[]
}

/** A fleet lives and is lost with everything; on the new host are a copy of one bucket and the keys from the safe. */
async function loseSite(host: string): Promise<LostSite> {
  await using world = await startWorld({ configure: withBasesAndWal })
  const { postgres, database } = world.source
  const before = await takeAllAndGoOn(world)
  for (const service of SERVICES) await world.kill(service, 'SIGKILL')
  await cp(world.targets.west?.address ?? '', join(host, 'bucket'), { recursive: true })
  await cp(join(world.folder, 'keys'), join(host, 'keys'), { recursive: true })
  const config = structuredClone(world.config)
  return { config, folder: world.folder, database, password: postgres.password, before }
}

/** lifeboat.yaml from the safe: its secrets lie on the new host, NATS and mail are new, one target is left. */
function takeFromSafe(config: WorldConfig, lost: LostSite, host: string): void {
  const { bus, alerting } = config
  const kept: WorldConfig = JSON.parse(JSON.stringify(lost.config).replaceAll(lost.folder, host))
  Object.assign(config, kept, { bus, alerting, targets: { west: { kind: 'filesystem', path: join(host, 'bucket') } } })
}
