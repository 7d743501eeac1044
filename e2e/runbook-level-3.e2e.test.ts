import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually, until } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { askRecovered, emptyHost, stoppedInTheEnd } from '@lifeboat/testkit/runbooks/hosts.ts'
import {
  greenSource,
  moveTo,
  RESULTS,
  releaseIn,
  rootOf,
  surroundings,
  TREE,
  takeAllAndGoOn,
  takeTreeTwice,
  withAll,
} from '@lifeboat/testkit/runbooks/incidents.ts'
import { notRunOf, openRunbook } from '@lifeboat/testkit/runbooks/page.ts'
import { SERVICES } from '@lifeboat/testkit/world/processes.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

const PAGE = 'level-3.md'

test('on a new host the cluster comes back with the last WAL and the application as of its last backup, and backups go on from there', async () => {
  await using host = await emptyHost()
  await using world = await startWorld({ configure: withAll })
  const { postgres, database } = world.source
  await takeTreeTwice(world)
  const before = await takeAllAndGoOn(world)
  const safe = await openRunbook('README.md', world.folder)
  expect(await safe.run('Beforehand', surroundings(world))).toMatch(/records/)
  await world.kill('backup-agent', 'SIGKILL')
  await postgres.stop('immediate')
  const root = rootOf(world.config)
  await rm(root, { recursive: true })

  const page = await openRunbook(PAGE, world.folder)
  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), postgres)
  const env = { ...surroundings(world), FOLDER: folder, PORT: String(port), TREE, PLACE: root }
  expect(await page.run('A new host', env)).toMatch(/base/)
  await page.run('Bring it back', env)
  await page.run('The files', env)
  expect(await releaseIn(root)).toBe('4.1')
  await world.reconfigure((config) => moveTo(config, { port, spool: join(host.path, 'spool') }))
  // The name of an agent is free only some seconds after the one that had it died.
  for (const service of SERVICES) await eventually(() => world.restart(service))
  await until(
    () => page.run('Afterwards', env),
    (told) => /✓ service +backup-agent db1/.test(told),
  )
  await greenSource(world)
  expect(await askRecovered({ port, database, password: postgres.password }, RESULTS)).toEqual(before)
  expect([await notRunOf(PAGE), await notRunOf('README.md')]).toEqual([[], []])
})
