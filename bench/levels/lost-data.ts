import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { emptyHost, stoppedInTheEnd } from '@lifeboat/testkit/runbooks/hosts.ts'
import { goOn, RESULTS, surroundings, takeAll } from '@lifeboat/testkit/runbooks/incidents.ts'
import { openRunbook } from '@lifeboat/testkit/runbooks/page.ts'
import { LAST_BEAT, startPulse } from '@lifeboat/testkit/runbooks/pulse.ts'
import { letRestore, type Operators } from '@lifeboat/testkit/world/operators.ts'
import { offSiteNow, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { since } from '../support/programs.ts'
import { demandSame, type HowToHappen, type Incident, SIZE, steps } from './incident.ts'

const PATIENCE_MS = 3_600_000

interface Scene {
  world: World
  operators: Operators
  databaseBytes: number
  query(sql: string): Promise<Record<string, unknown>[]>
}

const INCIDENTS: Readonly<Record<string, (scene: Scene) => Promise<Incident>>> = {
  'level 1: the uploader dies': loseUploader,
  'level 1: NATS dies': loseNats,
  'level 2: rows are deleted': loseRows,
  'level 2: a table of the database is dropped': loseDatabase,
  'level 2: the data directory is removed': loseDataDirectory,
}

/** Levels 1 and 2, where the host lives: a service and NATS die, rows, the database and the data directory are lost. */
export async function loseServicesAndData({ databaseMb, say }: HowToHappen): Promise<Incident[]> {
  const services = ['scheduler', 'verifier', 'alerter'] as const
  const how = { databaseMb, services, configure: withBasesAndWal, onProgress: steps(say) }
  await using world = await startWorld(how)
  const operators = await letRestore(world, { clusters: true })
  await Promise.all((['backup-agent', 'uploader'] as const).map((service) => world.start(service)))
  const { postgres, database } = world.source
  const query: Scene['query'] = (sql) => postgres.query(database, sql)
  say('taking and proving a dump and a base')
  const pulse = startPulse(query)
  await takeAll(world)
  await pulse.stop()
  const scene = { world, operators, query, databaseBytes: Number((await query(SIZE))[0]?.bytes) }
  const incidents: Incident[] = []
  for (const [what, happen] of Object.entries(INCIDENTS)) {
    say(what)
    incidents.push(await happen(scene))
  }
  return incidents
}

async function loseUploader({ world, databaseBytes }: Scene): Promise<Incident> {
  const page = await openRunbook('level-1.md', world.folder)
  await world.kill('uploader', 'SIGKILL')
  const took = since()
  await until(
    () => page.run('What is it?', surroundings(world)),
    (told) => /✗ service +uploader\n.*silent/.test(told),
  )
  await world.restart('uploader')
  await page.run('Is it well again?', surroundings(world))
  return { level: 1, lost: 'a service (the uploader, killed)', way: 'Mend it', databaseBytes, goesOnAfter: took() }
}

async function loseNats({ world, databaseBytes }: Scene): Promise<Incident> {
  const page = await openRunbook('level-1.md', world.folder)
  const took = since()
  await world.nats.restart({ signal: 'SIGKILL' })
  await page.run('Is it well again?', surroundings(world))
  return { level: 1, lost: 'NATS, killed', way: 'Mend it', databaseBytes, goesOnAfter: took() }
}

async function loseRows({ world, query, databaseBytes }: Scene): Promise<Incident> {
  const page = await openRunbook('level-2.md', world.folder)
  await using host = await emptyHost()
  const [FOLDER, PORT] = [join(host.path, 'cluster'), String(await freePort())]
  await using _stopped = stoppedInTheEnd(join(FOLDER, 'data'), world.source.postgres)
  const before = await query(RESULTS)
  const BEFORE = await offSiteNow(world)
  await query('DELETE FROM validation_results')
  const lostMs = Date.now() - Date.parse(BEFORE)
  // Recovery to a moment wants a commit behind it, and nobody notices within a second.
  await offSiteNow(world)
  const took = since()
  const env = { ...surroundings(world), FOLDER, PORT, BEFORE, TABLE: 'validation_results' }
  await page.run('Out of a moment', env)
  const answersAfter = took()
  demandSame(await query(RESULTS), before)
  return { level: 2, lost: 'all rows of a table', way: 'Out of a moment', databaseBytes, answersAfter, lostMs }
}

async function loseDatabase({ world, query, databaseBytes }: Scene): Promise<Incident> {
  const page = await openRunbook('level-2.md', world.folder)
  const before = await query(RESULTS)
  await query('DROP TABLE validation_results')
  const lostAt = Date.now()
  const took = since()
  await page.run('In its place', surroundings(world))
  const answersAfter = took()
  demandSame(await query(RESULTS), before)
  const lostMs = lostAt - (await lastBeat(query))
  await page.run('Afterwards', surroundings(world))
  const lost = 'a table of the database, dropped'
  return { level: 2, lost, way: 'In its place', databaseBytes, answersAfter, goesOnAfter: took(), lostMs }
}

async function loseDataDirectory({ world, operators, query, databaseBytes }: Scene): Promise<Incident> {
  const page = await openRunbook('level-2.md', world.folder)
  const { postgres } = world.source
  const pulse = startPulse(query)
  const before = await goOn(world)
  const lostAt = await pulse.stop()
  await postgres.stop('immediate')
  await rm(postgres.dataDir, { recursive: true })
  const took = since()
  const { keyFile, identityFile } = operators
  const operator = { KEY: keyFile('ann'), IDENTITY: identityFile, STOP: 'stop-pg', START: 'start-pg' }
  // The page goes on to the next backup before it ends.
  const [answersAfter, goesOnAfter] = await Promise.all([
    until(
      () => query('SELECT FROM validation_results LIMIT 1'),
      ({ length }) => length > 0,
      PATIENCE_MS,
    ).then(took),
    page.run('The cluster in its place', { ...surroundings(world), ...operator }).then(took),
  ])
  demandSame(await query(RESULTS), before)
  const way = 'The cluster in its place'
  const lostMs = lostAt - (await lastBeat(query))
  return { level: 2, lost: 'the data directory', way, databaseBytes, answersAfter, goesOnAfter, lostMs }
}

async function lastBeat(query: Scene['query']): Promise<number> {
  return Number((await query(LAST_BEAT))[0]?.at)
}
