import { eventually, until } from '@lifeboat/testkit/eventually.ts'
import { greenSource, surroundings } from '@lifeboat/testkit/runbooks/incidents.ts'
import { notRunOf, openRunbook } from '@lifeboat/testkit/runbooks/page.ts'
import { POLICY, SOURCE } from '@lifeboat/testkit/world/config.ts'
import { WEEKLY, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { SERVICES } from '@lifeboat/testkit/world/processes.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { backupsOf, logged } from './support/backups.ts'

const PAGE = 'level-1.md'
const BIG_ENOUGH_TO_INTERRUPT_MB = 60

test('a service that died is named, and after its start backups go on; so they do when NATS lost its disk and the catalogue is read back', async () => {
  await using world = await startWorld({ configure: withBasesAndWal })
  const page = await openRunbook(PAGE, world.folder)
  await world.kill('uploader', 'SIGKILL')
  await eventually(async () =>
    expect(await page.run('What is it?', surroundings(world))).toMatch(/✗ service +uploader\n.*silent/),
  )
  await world.restart('uploader')
  // A process that had no turn for some seconds is silent as well.
  await until(
    () => page.run('Is it well again?', surroundings(world)),
    (told) => /✓ service +uploader/.test(told),
  )
  await greenSource(world)

  await world.nats.restart({ signal: 'SIGKILL', storeLost: true })
  for (const service of SERVICES) await world.restart(service, 'SIGKILL')
  expect(await page.run('The disk of NATS is lost', surroundings(world))).toMatch(/proven/)
  await page.run('Is it well again?', surroundings(world))
  await greenSource(world)
  expect(await notRunOf(PAGE)).toEqual([])
})

test('each service, and NATS, dies in the middle of its work and is started again: the work is done, nothing is doubtful, and nobody is mailed', async () => {
  await using world = await startWorld({ databaseMb: BIG_ENOUGH_TO_INTERRUPT_MB, configure: withBasesAndWal })
  await world.json(['backup', 'now', SOURCE, '--policy', POLICY])
  await logged(world, 'backup-agent', 'run.phase', { phase: 'dump' })
  await dies(world, 'backup-agent')
  await logged(world, 'uploader', 'part.stored')
  await dies(world, 'uploader')
  await logged(world, 'verifier', 'drill.begun')
  await dies(world, 'verifier')
  await world.json(['backup', 'now', SOURCE, '--policy', WEEKLY])
  await dies(world, 'scheduler')
  await world.nats.restart({ signal: 'SIGKILL' })
  await dies(world, 'alerter')

  const proven = (policyId: string) => until(() => backupsOf(world), provenOf(policyId))
  await Promise.all([proven(POLICY), proven(WEEKLY)])
  await greenSource(world)
  const { incidents } = await world.json<{ incidents: { cause: string }[] }>(['status'], [0, 6])
  expect(incidents.map(({ cause }) => cause)).toEqual([])
  expect(world.smtp.inbox.map(({ subject }) => subject)).toEqual([])
})

/** As a service does whose machine loses it; its supervisor starts it again. The name of an agent is free only some seconds later. */
async function dies(world: World, service: (typeof SERVICES)[number]): Promise<void> {
  await world.kill(service, 'SIGKILL')
  await eventually(() => world.start(service))
}

function provenOf(wanted: string): (backups: { policyId: string; state: string }[]) => boolean {
  return (backups) => backups.some(({ policyId, state }) => policyId === wanted && state === 'proven')
}
