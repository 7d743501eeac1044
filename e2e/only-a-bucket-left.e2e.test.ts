import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { askRecovered, emptyHost, stoppedInTheEnd } from '@lifeboat/testkit/runbooks/hosts.ts'
import { POLICY, SOURCE } from '@lifeboat/testkit/world/config.ts'
import { offSiteNow, WEEKLY, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { type Finished, runLifeboat } from '@lifeboat/testkit/world/processes.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

const HASH = 'SELECT count(*)::int AS rows, sum(hashtext(v::text)) AS hash FROM validation_results v'

test('when everything but one bucket and the key is gone, an empty host brings back the database and the whole cluster', async () => {
  await using host = await emptyHost()
  const lost = await liveAndLoseEverything(host.path)
  const recover = (args: readonly string[], env: Record<string, string> = {}) => bareRecover(host.path, lost, args, env)

  const listed = await recover(['--json'])
  expect(JSON.parse(listed.stdout)).toMatchObject({
    signatures: 'checked',
    distrusted: [],
    backups: [
      { kind: 'base', proven: true },
      { kind: 'dump', proven: true },
    ],
  })

  await using server = await startPostgres()
  const address = `postgres://${server.user}@${server.host}:${server.port}/postgres`
  const dump = await recover(['--dump', '--server', address], { PGPASSWORD: server.password })
  expect(dump.code, dump.stderr).toBe(0)
  expect(await server.query(lost.database, HASH)).toEqual(lost.before)

  const [folder, port] = [join(host.path, 'cluster'), await freePort()]
  const cluster = await recover(['--to', folder, '--port', String(port), '--start'])
  expect(cluster.code, cluster.stderr).toBe(0)
  await using _stopped = stoppedInTheEnd(join(folder, 'data'), server)
  const place = { port, database: lost.database, password: lost.password }
  expect(await askRecovered(place, HASH)).toEqual(lost.before)
  expect(await askRecovered(place, 'SELECT n FROM written_last')).toEqual([{ n: 1 }])
})

interface Lost {
  database: string
  password: string
  /** The lines of `signers`, which stand in a safe with the key. */
  signers: Readonly<Record<string, string>>
  before: unknown[]
}

/** A fleet with a dump, a base and WAL; then only a copy of one bucket and of the key is left. */
async function liveAndLoseEverything(host: string): Promise<Lost> {
  await using world = await startWorld({ configure: withBasesAndWal })
  const { postgres, database } = world.source
  await world.json(['backup', 'now', SOURCE, '--policy', POLICY, '--wait', 'proven'])
  await world.json(['backup', 'now', SOURCE, '--policy', WEEKLY, '--wait', 'proven'])
  await postgres.query(database, 'CREATE TABLE written_last AS SELECT 1 AS n')
  await offSiteNow(world)
  const before = await postgres.query(database, HASH)
  for (const service of ['scheduler', 'backup-agent', 'uploader', 'verifier', 'alerter'])
    await world.kill(service, 'SIGKILL')
  await cp(world.targets.west?.address ?? '', join(host, 'bucket'), { recursive: true })
  await cp(join(world.folder, 'keys/age-identity'), join(host, 'identity'))
  return { database, password: postgres.password, signers: world.config.signers, before }
}

function bareRecover(
  host: string,
  { signers }: Lost,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Finished> {
  const trusted = Object.entries(signers).map(([name, key]) => `${name}=${key}`)
  const from = [
    '--from',
    `file://${join(host, 'bucket')}`,
    '--identity',
    join(host, 'identity'),
    '--signer',
    ...trusted,
  ]
  return runLifeboat(['recover', ...from, ...args], { configPath: join(host, 'there-is-none.yaml'), env })
}
