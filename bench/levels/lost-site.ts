import { join } from 'node:path'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { askRecovered, emptyHost, stoppedInTheEnd } from '@lifeboat/testkit/runbooks/hosts.ts'
import {
  loseSite as lose,
  moveTo,
  RESULTS,
  rootOf,
  surroundings,
  TREE,
  takeFromSafe,
} from '@lifeboat/testkit/runbooks/incidents.ts'
import { openRunbook } from '@lifeboat/testkit/runbooks/page.ts'
import { LAST_BEAT } from '@lifeboat/testkit/runbooks/pulse.ts'
import { SERVICES } from '@lifeboat/testkit/world/processes.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { since } from '../support/programs.ts'
import { demandSame, type HowToHappen, type Incident, SIZE } from './incident.ts'

/** Level 4: one bucket and the keys from the safe are left. The new hosts and an empty NATS stand ready when the clock begins. */
export async function loseSite({ databaseMb, say }: HowToHappen): Promise<Incident[]> {
  await using host = await emptyHost()
  say('a site lives, takes and proves a dump, a base and a tree of files')
  const lost = await lose(host.path, { databaseMb })
  say('level 4: the site is lost')
  await using world = await startWorld({ services: [], configure: (config) => takeFromSafe(config, lost, host.path) })
  const page = await openRunbook('level-4.md', world.folder)
  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), world.source.postgres)
  const IDENTITY = join(host.path, 'keys/age-identity')
  const env = {
    ...surroundings(world),
    IDENTITY,
    FOLDER: folder,
    PORT: String(port),
    TREE,
    PLACE: rootOf(world.config),
  }
  const took = since()
  await page.run('The data', env)
  await page.run('The files', env)
  const answersAfter = took()
  await world.reconfigure((config) => moveTo(config, { port, spool: join(host.path, 'spool') }))
  for (const service of SERVICES) await world.start(service)
  await page.run('The services', env)
  await page.run('Backups go on', env)
  const goesOnAfter = took()
  const ask = (sql: string) => askRecovered({ port, ...lost }, sql)
  demandSame(await ask(RESULTS), lost.before)
  const databaseBytes = ((await ask(SIZE)) as { bytes: number }[])[0]?.bytes ?? Number.NaN
  const [beat] = (await ask(LAST_BEAT)) as { at: string }[]
  const after = { answersAfter, goesOnAfter, lostMs: lost.lastCommitAt - Number(beat?.at) }
  return [{ level: 4, lost: 'the site', way: 'all but a recovery point', databaseBytes, ...after }]
}
