import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { askRecovered, emptyHost, stoppedInTheEnd } from '@lifeboat/testkit/runbooks/hosts.ts'
import {
  goOn,
  moveTo,
  RESULTS,
  rootOf,
  surroundings,
  TREE,
  takeAll,
  takeTreeTwice,
  withAll,
} from '@lifeboat/testkit/runbooks/incidents.ts'
import { openRunbook } from '@lifeboat/testkit/runbooks/page.ts'
import { LAST_BEAT, startPulse } from '@lifeboat/testkit/runbooks/pulse.ts'
import { SERVICES } from '@lifeboat/testkit/world/processes.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { since } from '../support/programs.ts'
import { demandSame, type HowToHappen, type Incident, SIZE, steps } from './incident.ts'

/** Level 3: PostgreSQL, its disk and the agent with its spool are gone. */
export async function loseHost({ databaseMb, say }: HowToHappen): Promise<Incident[]> {
  await using host = await emptyHost()
  await using world = await startWorld({ databaseMb, configure: withAll, onProgress: steps(say) })
  const { postgres, database } = world.source
  const { password } = postgres
  const page = await openRunbook('level-3.md', world.folder)
  say('taking and proving a dump, a base and a tree of files')
  await takeTreeTwice(world)
  await takeAll(world)
  const pulse = startPulse((sql) => postgres.query(database, sql))
  const before = await goOn(world)
  const root = rootOf(world.config)
  say('level 3: the host of the database is lost')
  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), postgres)
  const lostAt = await pulse.stop()
  await world.kill('backup-agent', 'SIGKILL')
  await postgres.stop('immediate')
  for (const place of [postgres.dataDir, root]) await rm(place, { recursive: true })
  const took = since()
  const env = { ...surroundings(world), FOLDER: folder, PORT: String(port), TREE, PLACE: root }
  await page.run('A new host', env)
  await page.run('Bring it back', env)
  await page.run('The files', env)
  const answersAfter = took()
  await world.reconfigure((config) => moveTo(config, { port, spool: join(host.path, 'spool') }))
  // The name of an agent is free only some seconds after the one that had it died.
  for (const service of SERVICES) await eventually(() => world.restart(service))
  await page.run('Afterwards', env)
  const goesOnAfter = took()
  const ask = (sql: string) => askRecovered({ port, database, password }, sql)
  demandSame(await ask(RESULTS), before)
  const databaseBytes = ((await ask(SIZE)) as { bytes: number }[])[0]?.bytes ?? Number.NaN
  const [beat] = (await ask(LAST_BEAT)) as { at: string }[]
  const after = { answersAfter, goesOnAfter, lostMs: lostAt - Number(beat?.at) }
  return [{ level: 3, lost: 'the host of the database', way: 'Bring it back, The files', databaseBytes, ...after }]
}
