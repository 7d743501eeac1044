import { RECORDS, SUMMARIES } from '@lifeboat/catalog/buckets.ts'
import { HOLDS_BUCKET, MARKS_BUCKET } from '@lifeboat/catalog/expiry/buckets.ts'
import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { eventually, until } from '@lifeboat/testkit/eventually.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { show, takeBackup } from './support/backups.ts'

interface Plan {
  digest: string
  letGo: number
  sources: { copies: { backupId: string; targetId: string; do: string; reasons: string[] }[] }[]
}

test('rules let go what newer proven backups replace, an undo brings it back, and a lost catalogue knows of both', async () => {
  await using world = await startWorld({ targets: { aws: 's3', nas: 'filesystem' }, configure })
  const backups: string[] = []
  for (let no = 0; no < 4; no += 1) backups.push(await takeBackup(world, 'proven'))
  // The plan is about all copies, and proven is a backup with the first.
  for (const id of backups)
    await eventually(async () => {
      const { copies } = await show(world, id)
      for (const target of ['aws', 'nas']) expect(copies[target]?.state).toMatch(/stored|proven/)
    })
  await world.json(['target', 'audit'])

  const plan = await world.json<Plan>(['expiry', 'plan'])
  const copies = plan.sources.flatMap((source) => source.copies)
  const going = copies.filter((copy) => copy.do === 'let-go')
  expect(going.map(({ targetId }) => targetId)).toEqual(['aws', 'aws'])
  expect(copies.find(({ targetId }) => targetId === 'nas')?.reasons[0]).toMatch(/no removal credentials/)
  expect((await world.cli(['expiry', 'apply', '--plan', 'ffffffffffffffff'])).code).toBe(7)
  await world.json(['expiry', 'apply', '--plan', plan.digest])
  const [first = '', second = ''] = going.map(({ backupId }) => backupId)
  for (const id of [first, second]) await becomes(world, id, /marked/)

  await world.json(['expiry', 'undo', first])
  await becomes(world, first, /stored|proven/)
  expect(await world.json(['hold', 'list'])).toMatchObject([{ backupId: first, why: 'brought back by expiry undo' }])

  await forget(world)
  // The target hears of the hold by itself, not before the copy is back.
  const read = await until(
    () => world.json<{ holds: number }>(['catalog', 'rebuild', 'aws']),
    ({ holds }) => holds > 0,
  )
  expect(read).toMatchObject({ backups: 4, holds: 1, tombstones: 1, untrusted: [] })
  expect((await show(world, second)).copies.aws?.state).toBe('marked')
  expect(await world.json(['hold', 'list'])).toMatchObject([{ backupId: first }])

  await world.json(['catalog', 'rebuild', 'nas'])
  await world.restart('scheduler')
  await becomes(world, second, /expired/)
  expect(await world.json(['target', 'audit', 'aws'])).toMatchObject([{ backups: 3, missing: 0, damaged: 0 }])
})

function configure(config: World['config']): void {
  const daily = config.policies.daily
  if (daily) daily.keep = { last: 1, minAge: '0s' }
  config.expiry = { undelete: '1s', maxShare: 1 }
  const { aws } = config.targets
  if (aws?.kind === 's3' && aws.accessKeyId && aws.secretAccessKey)
    aws.removal = { accessKeyId: aws.accessKeyId, secretAccessKey: aws.secretAccessKey }
}

async function becomes(world: World, backupId: string, state: RegExp): Promise<void> {
  await eventually(async () => expect((await show(world, backupId)).copies.aws?.state).toMatch(state))
}

async function forget(world: World): Promise<void> {
  await using bus = await connectBus({ servers: [world.nats.url], name: 'test', log: silentLogger })
  for (const definition of [RECORDS, SUMMARIES, HOLDS_BUCKET, MARKS_BUCKET]) {
    const bucket = await bus.bucket(definition as BucketDefinition<unknown>)
    for (const { key } of await Array.fromAsync(bucket.entries())) await bucket.delete(key)
  }
}
