import { eventually } from '@lifeboat/testkit/eventually.ts'
import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { SERVICES } from '@lifeboat/testkit/world/processes.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { backupsOf, logged, show } from './support/backups.ts'

const BIG_ENOUGH_TO_INTERRUPT_MB = 60

test('NATS restarted in the middle of a run loses nothing, and the run is not taken twice', async () => {
  await using world = await startWorld({ databaseMb: BIG_ENOUGH_TO_INTERRUPT_MB })
  await world.json(['backup', 'now', SOURCE])
  await logged(world, 'backup-agent', 'run.phase', { phase: 'dump' })
  await world.nats.restart()

  await eventually(async () => expect((await backupsOf(world)).map(({ state }) => state)).toEqual(['proven']))
})

test('a run ends proven although every service is killed once on the way', async () => {
  await using world = await startWorld({ databaseMb: BIG_ENOUGH_TO_INTERRUPT_MB })
  await world.json(['backup', 'now', SOURCE])
  await logged(world, 'backup-agent', 'run.phase', { phase: 'dump' })
  for (const service of SERVICES) await world.restart(service, 'SIGKILL')

  const proven = await eventually(async () => {
    const found = (await backupsOf(world)).find(({ state }) => state === 'proven')
    expect(found).toBeDefined()
    return found?.backupId ?? ''
  })
  const attempts = await backupsOf(world)
  expect(attempts.filter(({ backupId }) => backupId !== proven).map(({ state }) => state)).not.toContain('running')
  const { copies } = await eventually(async () => {
    const shown = await show(world, proven)
    expect(Object.values(shown.copies).map(({ state }) => state)).not.toContain('expected')
    return shown
  })
  expect(
    Object.values(copies)
      .map(({ state }) => state)
      .sort(),
  ).toEqual(['proven', 'stored', 'stored'])
})
