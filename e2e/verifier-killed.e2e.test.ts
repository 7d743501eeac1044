import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ackWaitPasses } from '@lifeboat/testkit/ack-wait.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { startFaultProxy } from '@lifeboat/testkit/fault-proxy.ts'
import { SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { offSiteNow, WEEKLY, WEST, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { backUp, logged } from './support/backups.ts'

test('a verifier killed in the middle of a replay leaves a server behind, which its next life ends before it takes the drill again and comes to a verdict', async () => {
  const services = ['scheduler', 'backup-agent', 'uploader'] as const
  await using world = await startWorld({ targets: { [WEST]: 's3' }, services, configure })
  const [backupId = ''] = await backUp(world, [SOURCE, '--policy', WEEKLY], 'stored')
  await world.source.postgres.query(
    world.source.database,
    'create table visit as select 1 as no; select pg_switch_wal()',
  )
  await offSiteNow(world)

  await using cloud = await startFaultProxy(endpointOf(world.config))
  cloud.inject({ kind: 'hang' }, { method: 'GET', path: /\/wal\/\d{8}\/\d/, times: Number.POSITIVE_INFINITY })
  await world.start('verifier', {
    configure: (config) => void Object.assign(config.targets[WEST] as object, { endpoint: cloud.endpoint }),
  })
  await world.json(['drill', 'run', backupId, '--to-time', 'latest'])
  await until(
    () => cloud.hanging,
    (hanging) => hanging > 0,
  )
  await until(
    () => programsIn(scratchOf(world)),
    (programs) => programs.some((args) => args.includes('get-wal')),
  )

  // The scheduler asks for drills as well: whichever it is that stands still.
  const [{ runId } = {}] = eventsOf(world, 'drill.begun').toReversed()

  await world.kill('verifier', 'SIGKILL')
  const left = await foldersIn(scratchOf(world))
  expect(left).toHaveLength(2)
  expect((await programsIn(scratchOf(world))).some((args) => /postgres\0-D/.test(args))).toBe(true)

  cloud.heal()
  await ackWaitPasses(world.nats.url, 'verifier')
  await world.restart('verifier')
  const begun = () => eventsOf(world, 'drill.begun').filter((event) => event.runId === runId)
  await until(begun, ({ length }) => length === 2)
  const ofTheDead = (name: string) => left.some((folder) => name.includes(folder))
  const there = async () => [...(await foldersIn(scratchOf(world))), ...(await programsIn(scratchOf(world)))]
  expect((await there()).filter(ofTheDead)).toEqual([])

  await logged(world, 'verifier', 'drill.finished', { runId })
  const finished = eventsOf(world, 'drill.finished').find((event) => event.runId === runId)
  expect(await world.json(['drill', 'show', String(finished?.drillId)])).toMatchObject({
    runId,
    verdict: 'proven',
    wal: { verdict: 'proven' },
  })
  await until(there, ({ length }) => length === 0)
})

function eventsOf(world: World, event: string) {
  return world.logOf('verifier').filter((line) => line.event === event)
}

function configure(config: WorldConfig): void {
  withBasesAndWal(config)
  Object.assign(config.policies[WEEKLY]?.drill ?? {}, { recoverTo: 'latest' })
}

function endpointOf({ targets }: WorldConfig): string {
  const target = targets[WEST]
  if (target?.kind !== 's3' || target.endpoint === undefined) throw new Error('the world has no such cloud')
  return target.endpoint
}

function scratchOf(world: World): string {
  return join(world.folder, 'scratch')
}

async function foldersIn(scratch: string): Promise<string[]> {
  return (await readdir(scratch)).filter((name) => name.startsWith('scratch-'))
}

/** The arguments of programs that work below a folder. */
async function programsIn(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const all = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return all.filter((args) => args.includes(folder))
}
