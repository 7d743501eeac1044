import { RECORDS, SUMMARIES } from '@lifeboat/catalog/buckets.ts'
import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { backupsOf, show, takeBackup } from './support/backups.ts'

test('a catalogue that was lost is read back from one target, verdicts included', async () => {
  await using world = await startWorld()
  const backupId = await takeBackup(world, 'proven')
  await eventually(async () => expect(states(await show(world, backupId))).not.toContain('expected'))
  const { copies } = await show(world, backupId)
  const proven = Object.keys(copies).find((target) => copies[target]?.state === 'proven') ?? ''
  await loseCatalogue(world)
  expect(await backupsOf(world)).toEqual([])

  expect(await world.json(['catalog', 'rebuild', proven])).toMatchObject({ backups: 1, drills: 1, untrusted: [] })
  expect(await show(world, backupId)).toMatchObject({ state: 'proven', copies: { [proven]: { state: 'proven' } } })
})

function states({ copies }: { copies: Record<string, { state: string }> }): string[] {
  return Object.values(copies).map(({ state }) => state)
}

async function loseCatalogue(world: World): Promise<void> {
  await using bus = await connectBus({ servers: [world.nats.url], name: 'test', log: silentLogger })
  for (const definition of [RECORDS, SUMMARIES]) {
    const bucket = await bus.bucket(definition as BucketDefinition<unknown>)
    for (const { key } of await Array.fromAsync(bucket.entries())) await bucket.delete(key)
  }
}
