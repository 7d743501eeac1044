import { readFile, rm } from 'node:fs/promises'
import { WalRefillRequested } from '@lifeboat/shared/bus/messages/wal.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import { BAD, bytesOf, KEYS, records, SEGMENT, startPlace } from './support/wal-place.ts'

const THREE = ['aws', 'gcp', 'nas']

type Place = Awaited<ReturnType<typeof startPlace>>

/** As an agent asks that finds that a target lacks WAL. */
async function askToFill({ fleet }: Place, targetId: string, nth = 0): Promise<void> {
  const cluster = { systemIdentifier: '7', segmentBytes: SEGMENT, from: '0/0' }
  const wish = { sourceId: records, agentId: 'db1', targetId, targets: THREE, reason: 'test', ...cluster }
  const requestedAt = moment(Date.now() + nth)
  await fleet.bus.publish(WalRefillRequested, WalRefillRequested.schema.parse({ ...wish, requestedAt }))
}

test('a target that lacks WAL is not filled with what is damaged elsewhere, but from the target that has the right bytes', async () => {
  await using at = await startPlace(THREE, { mayRemove: true })
  await rm(at.path('aws', BAD))
  await at.flip('gcp', BAD)
  expect((await filled(at)).equals(bytesOf(BAD))).toBe(true)
})

test('a target is not filled with what it let go, also where whoever asks has not heard of that', async () => {
  await using at = await startPlace(THREE, { mayRemove: true })
  const [first = ''] = KEYS
  await at.noteLetGoBefore('aws', '0/2000000')
  for (const key of [first, BAD]) await rm(at.path('aws', key))
  await filled(at)
  await expect(readFile(at.path('aws', first))).rejects.toThrow('ENOENT')
})

/** Has what the first target lacks brought from the others, and waits for the one in the middle. */
async function filled(at: Place): Promise<Buffer> {
  await askToFill(at, 'aws')
  const there = await until(
    () => readFile(at.path('aws', BAD)).catch(() => undefined),
    (bytes) => bytes !== undefined,
  )
  return there ?? Buffer.alloc(0)
}

test.each([
  ['put', /\.age$/],
  ['list', /wal/],
] as const)('a target that is to be filled and fails at each %s is known to be away', async (on, key) => {
  const fault = { on, key, times: 99, does: { fail: 'TARGET_FULL' } } as const
  await using at = await startPlace(THREE, { mayRemove: false, spoilt: { nas: [fault] } })
  for (const lacking of KEYS) await rm(at.path('nas', lacking))
  // Each tries both of the others.
  for (const nth of [1, 2]) await askToFill(at, 'nas', nth)
  expect(await until(async () => at.wasAway('nas'), Boolean)).toBe(true)
  expect([at.wasAway('aws'), at.wasAway('gcp')]).toEqual([false, false])
})
