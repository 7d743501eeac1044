import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sealWithPassphrase } from '@lifeboat/shared/age/passphrase.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { askRecovered, emptyHost, stoppedInTheEnd } from '@lifeboat/testkit/runbooks/hosts.ts'
import {
  greenSource,
  loseSite,
  moveTo,
  RESULTS,
  releaseIn,
  rootOf,
  SET,
  surroundings,
  TREE,
  takeFromSafe,
} from '@lifeboat/testkit/runbooks/incidents.ts'
import { notRunOf, openRunbook } from '@lifeboat/testkit/runbooks/page.ts'
import { SERVICES } from '@lifeboat/testkit/world/processes.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

const PAGE = 'level-4.md'

test('from one bucket and the safe, data, application, services and catalogue come back, a whole recovery point too, and backups go on', async () => {
  await using host = await emptyHost()
  const lost = await loseSite(host.path)
  await using world = await startWorld({ services: [], configure: (config) => takeFromSafe(config, lost, host.path) })
  const page = await openRunbook(PAGE, world.folder)

  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), world.source.postgres)
  // Of the key there is but what lies in escrow, and its passphrase.
  const [plain, IDENTITY] = [join(host.path, 'keys/age-identity'), join(host.path, 'safe.escrow.age')]
  const LIFEBOAT_IDENTITY_PASSPHRASE = 'correct horse battery staple'
  const key = await readFile(plain, 'utf8')
  await writeFile(IDENTITY, sealWithPassphrase(key, LIFEBOAT_IDENTITY_PASSPHRASE))
  await rm(plain)
  const root = rootOf(world.config)
  const env = {
    ...surroundings(world),
    ...{ IDENTITY, LIFEBOAT_IDENTITY_PASSPHRASE, FOLDER: folder, PORT: String(port), TREE, PLACE: root },
    ...{ SET, POINT: lost.point, KEY: join(host.path, 'operators/ann.operator.pem') },
  }
  const ask = (sql = RESULTS) => askRecovered({ port, ...lost }, sql)
  await page.run('The data', env)
  await page.run('The files', env)
  expect([await ask(), await releaseIn(root)]).toEqual([lost.before, '4.1'])
  await writeFile(plain, key, { mode: 0o600 })
  await world.reconfigure((config) => moveTo(config, { port, spool: join(host.path, 'spool') }))
  for (const service of SERVICES) await world.start(service)
  expect(await page.run('The services', env)).toMatch(/proven/)
  await page.run('Everything as it was at one recovery point', env)
  expect([await ask(), await releaseIn(root)]).toEqual([lost.atPoint, '4.0'])
  expect(await page.run('Backups go on', env)).toMatch(/proven at west/)
  await greenSource(world)
  expect(await notRunOf(PAGE)).toEqual([])
})
