import { readdir } from 'node:fs/promises'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { show, takeBackup } from './support/backups.ts'

interface Plan {
  digest: string
  sources: { copies: { backupId: string; targetId: string; do: string; reasons: string[] }[] }[]
}

const SERVICES = ['scheduler', 'uploader', 'verifier'] as const

test('a target that is added is filled with the backups of before, and one that is taken out keeps every file it has', async () => {
  await using world = await startWorld({ configure: (config) => sendTo(config, ['north'], 2) })
  const { south } = world.config.targets
  delete world.config.targets.south
  delete world.config.targets.west
  await change(world, () => {})
  const [old, newest] = [await takeBackup(world, 'proven'), await takeBackup(world, 'proven')]

  await change(world, (config) => {
    if (south) config.targets.south = south
    sendTo(config, ['north', 'south'], 2)
  })
  for (const id of [old, newest])
    await eventually(async () => expect((await show(world, id)).copies.south?.state).toMatch(/stored|proven/))

  await change(world, (config) => {
    delete config.targets.north
    sendTo(config, ['south'], 1)
  })
  const north = world.targets.north?.address ?? ''
  const before = (await readdir(north, { recursive: true })).sort()
  expect(before.filter((name) => name.endsWith('manifest.json'))).toHaveLength(2)
  await world.json(['target', 'audit'])
  const plan = await world.json<Plan>(['expiry', 'plan'])
  const copies = plan.sources.flatMap((source) => source.copies)
  expect(copies.filter((copy) => copy.do === 'let-go')).toMatchObject([{ backupId: old, targetId: 'south' }])
  expect(copies.find(({ targetId }) => targetId === 'north')?.reasons[0]).toMatch(/north is not configured any more/)
  await world.json(['expiry', 'apply', '--plan', plan.digest])
  await eventually(async () => expect((await show(world, old)).copies.south?.state).toBe('marked'))
  expect((await readdir(north, { recursive: true })).sort()).toEqual(before)
  expect((await show(world, old)).copies.north?.state).toBe('proven')
})

function sendTo(config: World['config'], targets: string[], last: number): void {
  const { daily } = config.policies
  if (daily === undefined) throw new Error('the world has no policy daily')
  Object.assign(daily, { targets, copies: { required: 1 }, keep: { last, minAge: '0s' } })
  config.expiry = { undelete: '1s', maxShare: 1 }
  for (const target of Object.values(config.targets))
    if (target.kind === 'filesystem') target.removal = { allowed: true }
}

/** Another configuration, read by those that go by it. */
async function change(world: World, how: (config: World['config']) => void): Promise<void> {
  await world.reconfigure(how)
  for (const service of SERVICES) await world.restart(service)
}
