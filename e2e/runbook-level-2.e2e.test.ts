import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { emptyHost, stoppedInTheEnd } from '@lifeboat/testkit/runbooks/hosts.ts'
import { greenSource, RESULTS, surroundings, takeAll, takeAllAndGoOn } from '@lifeboat/testkit/runbooks/incidents.ts'
import { notRunOf, openRunbook } from '@lifeboat/testkit/runbooks/page.ts'
import { offSiteNow, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { openRestoreWorld } from './support/restore-world.ts'

const PAGE = 'level-2.md'
const HOOKS = ['--stop-hook', 'stop-pg', '--start-hook', 'start-pg']

test('a table comes back out of a moment; the whole database in its place, which can be undone, and where it is gone', async () => {
  await using host = await emptyHost()
  await using world = await startWorld({ configure: withBasesAndWal })
  const { postgres, database } = world.source
  const page = await openRunbook(PAGE, world.folder)
  const before = await postgres.query(database, RESULTS)
  await takeAll(world)
  const moment = await offSiteNow(world)
  await postgres.query(database, 'DELETE FROM validation_results')
  // Recovery to a moment wants a commit behind it, and nobody notices within a second.
  await offSiteNow(world)

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
  await page.run('Undone', env)
  const [undone] = await postgres.query(database, "SELECT to_regclass('validation_results') AS there")
  expect(undone).toEqual({ there: null })

  await postgres.query('postgres', `DROP DATABASE ${database} WITH (FORCE)`)
  await page.run('The database is gone altogether', env)
  expect(await postgres.query(database, RESULTS)).toEqual(before)
  await page.run('Afterwards', env)
})

test('a cluster whose data directory is gone comes back in its place with the last WAL, and backups go on; where there was an old one it can be put back, and let go', async () => {
  await using at = await openRestoreWorld({ clusters: true, configure: withBasesAndWal })
  const { world, identityFile, keyFile } = at
  const { postgres, database } = world.source
  const page = await openRunbook(PAGE, world.folder)
  const before = await takeAllAndGoOn(world)
  await postgres.stop('immediate')
  await rm(postgres.dataDir, { recursive: true })

  const operator = { KEY: keyFile('ann'), IDENTITY: identityFile, STOP: 'stop-pg', START: 'start-pg' }
  const env = { ...surroundings(world), ...operator }
  const said = await page.run('The cluster in its place', env)
  expect(said).toMatch(/There is no data directory now; nothing is put aside\./)
  expect(await postgres.query(database, RESULTS)).toEqual(before)
  await greenSource(world)

  const again = await at.run(['--in-place', ...HOOKS])
  expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/_before_/)])
  await page.run('The old data directory after all', env)
  expect(await postgres.query(database, RESULTS)).toEqual(before)
  await page.run('Nobody wants the other one any more', env)
  const besides = (await readdir(dirname(postgres.dataDir))).filter((name) => /_(before|reverted)_/.test(name))
  expect(besides).toEqual([])
})

test('every command of the page was run', async () => {
  expect(await notRunOf(PAGE)).toEqual([])
})
