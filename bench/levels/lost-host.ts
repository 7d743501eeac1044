import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { askRecovered, emptyHost, stoppedInTheEnd } from '@lifeboat/testkit/runbooks/hosts.ts'
import { moveTo, RESULTS, surroundings, takeAllAndGoOn } from '@lifeboat/testkit/runbooks/incidents.ts'
import { openRunbook } from '@lifeboat/testkit/runbooks/page.ts'
import { withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { SERVICES } from '@lifeboat/testkit/world/processes.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { since } from '../support/programs.ts'
import { demandSame, type HowToHappen, type Incident, SIZE, steps } from './incident.ts'

/** Level 3: PostgreSQL, its disk and the agent with its spool are gone. */
export async function loseHost({ databaseMb, say }: HowToHappen): Promise<Incident[]> {
  await using host = await emptyHost()
  await using world = await startWorld({ databaseMb, configure: withBasesAndWal, onProgress: steps(say) })
  const { postgres, database } = world.source
  const { password } = postgres
  const page = await openRunbook('level-3.md', world.folder)
  say('taking and proving a dump and a base')
  const before = await takeAllAndGoOn(world)
  say('level 3: the host of the database is lost')
  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), postgres)
  await world.kill('backup-agent', 'SIGKILL')
  await postgres.stop('immediate')
  await rm(postgres.dataDir, { recursive: true })
  const took = since()
  const env = { ...surroundings(world), FOLDER: folder, PORT: String(port) }
  await page.run('A new host', env)
  await page.run('Bring it back', env)
  const answersAfter = took()
  await world.reconfigure((config) => moveTo(config, { port, spool: join(host.path, 'spool') }))
  // The name of an agent is free only some seconds after the one that had it died.
  for (const service of SERVICES) await eventually(() => world.restart(service))
  await page.run('Afterwards', env)
  const goesOnAfter = took()
  const ask = (sql: string) => askRecovered({ port, database, password }, sql)
  demandSame(await ask(RESULTS), before)
  const databaseBytes = ((await ask(SIZE)) as { bytes: number }[])[0]?.bytes ?? Number.NaN
  return [
    { level: 3, lost: 'the host of the database', way: 'Bring it back', databaseBytes, answersAfter, goesOnAfter },
  ]
}
