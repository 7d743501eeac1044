import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sealWithPassphrase } from '@lifeboat/shared/age/passphrase.ts'
import { eventually, until } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { askRecovered, emptyHost, stoppedInTheEnd } from '@lifeboat/testkit/runbooks/hosts.ts'
import {
  greenSource,
  loseSite,
  moveTo,
  RESULTS,
  surroundings,
  takeAll,
  takeAllAndGoOn,
  takeFromSafe,
} from '@lifeboat/testkit/runbooks/incidents.ts'
import { openRunbook } from '@lifeboat/testkit/runbooks/page.ts'
import { offSiteNow, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { SERVICES } from '@lifeboat/testkit/world/processes.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { openRestoreWorld } from './support/restore-world.ts'

test('level 1: a service that died is named, and after its start backups go on', async () => {
  await using world = await startWorld({ configure: withBasesAndWal })
  const page = await openRunbook('level-1.md', world.folder)
  await world.kill('uploader', 'SIGKILL')
  await eventually(async () =>
    expect(await page.run('What is it?', surroundings(world))).toMatch(/✗ service +uploader\n.*silent/),
  )
  await world.restart('uploader')
  // A process that had no turn for some seconds is silent as well.
  await until(() => page.run('Is it well again?', surroundings(world)), matches(/✓ service +uploader/))
  await greenSource(world)
})

test('level 2: a table comes back out of a moment, and the whole database in its place', async () => {
  await using host = await emptyHost()
  await using world = await startWorld({ configure: withBasesAndWal })
  const { postgres, database } = world.source
  const page = await openRunbook('level-2.md', world.folder)
  const before = await postgres.query(database, RESULTS)
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
  expect(await postgres.query(database, RESULTS)).toEqual(before)

  await postgres.query(database, 'DROP TABLE validation_results')
  await page.run('In its place', env)
  expect(await postgres.query(database, RESULTS)).toEqual(before)
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
  expect(await postgres.query(database, RESULTS)).toEqual(before)
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
  await until(() => page.run('Afterwards', env), matches(/✓ service +backup-agent db1/))
  await greenSource(world)
  expect(await askRecovered({ port, database, password: postgres.password }, RESULTS)).toEqual(before)
})

test('level 4: from one bucket and the safe, data, services and catalogue come back, and backups go on', async () => {
  await using host = await emptyHost()
  const lost = await loseSite(host.path)
  await using world = await startWorld({ services: [], configure: (config) => takeFromSafe(config, lost, host.path) })
  const page = await openRunbook('level-4.md', world.folder)

  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), world.source.postgres)
  // Of the key there is but what lies in escrow, and its passphrase.
  const [plain, IDENTITY] = [join(host.path, 'keys/age-identity'), join(host.path, 'safe.escrow.age')]
  const LIFEBOAT_IDENTITY_PASSPHRASE = 'correct horse battery staple'
  const key = await readFile(plain, 'utf8')
  await writeFile(IDENTITY, sealWithPassphrase(key, LIFEBOAT_IDENTITY_PASSPHRASE))
  await rm(plain)
  const env = { ...surroundings(world), IDENTITY, LIFEBOAT_IDENTITY_PASSPHRASE, FOLDER: folder, PORT: String(port) }
  await page.run('The data', env)
  expect(await askRecovered({ port, ...lost }, RESULTS)).toEqual(lost.before)
  await writeFile(plain, key, { mode: 0o600 })
  await world.reconfigure((config) => moveTo(config, { port, spool: join(host.path, 'spool') }))
  for (const service of SERVICES) await world.start(service)
  expect(await page.run('The services', env)).toMatch(/proven/)
  expect(await page.run('Backups go on', env)).toMatch(/proven at west/)
  await greenSource(world)
})

const matches = (words: RegExp) => (told: string) => words.test(told)
