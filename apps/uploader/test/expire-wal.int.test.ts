import { WalExpired, WalExpiryRequested } from '@lifeboat/shared/bus/messages/expiry.ts'
import { moment, newHoldId, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { holdKey } from '@lifeboat/shared/domain/keys.ts'
import { segmentAt, type WalObject, walKey, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import { faulty } from '@lifeboat/storage/layers/faulty.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { putObjects, smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import { startFleet } from './support/fleet.ts'

const SEGMENT = 1 << 24
const records = 'records' as SourceId
const segment = (no: number): WalObject => ({
  ...{ kind: 'segment', segment: segmentAt(1, BigInt(no * SEGMENT), SEGMENT) },
  digest: String(no).padStart(16, '0'),
})

test('WAL before the window goes, what the store holds is counted and stays, and without the base the window begins with nothing goes', async () => {
  await using fleet = await startFleet()
  const aws = openMemory('aws' as TargetId)
  await fleet.uploader([aws], { mayRemove: true })
  const base = smallCopy({ targets: ['aws'], startLsn: '0/4000000' })
  const keys = [1, 2, 3, 4].map((no) => walKey(records, segment(no)))
  await putObjects(
    aws,
    keys.map((key) => [key, Buffer.from(key)] as const),
  )
  aws.locked.add(keys[1] as string)
  let asked = 0
  const ask = () =>
    fleet.bus.publish(WalExpiryRequested, {
      ...{ sourceId: records, targetId: aws.id, timeline: 1 as never, before: '0/4000000' as never },
      ...{ anchor: base.backupId, anchorAt: moment(Date.now()), segmentBytes: SEGMENT, by: 'ada' },
      requestedAt: moment(Date.now() + asked++),
    })
  const there = () => [...aws.objects.keys()].filter((key) => key.startsWith(walPrefix(records)))
  await ask()
  await until(
    () => Array.fromAsync(fleet.bus.waiting(WalExpiryRequested)),
    (waiting) => waiting.length === 0,
  )
  expect(there()).toEqual(keys)
  await putObjects(aws, base.objects)
  // Two at once come to the same.
  await Promise.all([ask(), ask()])
  const [expired] = await until(
    () => fleet.facts(WalExpired),
    (facts) => facts.length > 0,
  )
  expect(expired).toMatchObject({ objects: 2, locked: 1 })
  expect(there()).toEqual([keys[1], keys[3]])
})

test('WAL stays from where recovery by the base begins, whatever place a wish names, and while a hold on the source lies at the target', async () => {
  await using fleet = await startFleet()
  const aws = openMemory('aws' as TargetId)
  await fleet.uploader([aws], { mayRemove: true })
  const base = smallCopy({ targets: ['aws'], startLsn: '0/3000000' })
  const keys = [1, 2, 3, 4].map((no) => walKey(records, segment(no)))
  const hold = { holdId: newHoldId(Date.now()), sourceId: records, by: 'ada', why: 'audit', at: moment(Date.now()) }
  const held = [holdKey(records, hold.holdId), Buffer.from(JSON.stringify(hold))] as const
  await putObjects(aws, [...base.objects, ...keys.map((key) => [key, Buffer.from(key)] as const), held])
  let asked = 0
  const ask = async (before: string, timeline = 1) => {
    await fleet.bus.publish(WalExpiryRequested, {
      ...{ sourceId: records, targetId: aws.id, timeline: timeline as never, before: before as never },
      ...{ anchor: base.backupId, anchorAt: moment(Date.now()), segmentBytes: SEGMENT, by: 'ada' },
      requestedAt: moment(Date.now() + asked++),
    })
    await until(
      () => Array.fromAsync(fleet.bus.waiting(WalExpiryRequested)),
      (waiting) => waiting.length === 0,
    )
    return [...aws.objects.keys()].filter((key) => key.startsWith(walPrefix(records)))
  }
  expect(await ask('0/3000000')).toEqual(keys)
  await aws.remove(held[0], { signal: new AbortController().signal })
  expect(await ask('0/5000000')).toEqual(keys)
  expect(await ask('0/3000000', 2)).toEqual(keys)
  expect(await ask('0/3000000')).toEqual(keys.slice(2))
})

test('what is about to go is written down before the first object does: of a removal that broke half-way nothing is called gone', async () => {
  await using fleet = await startFleet()
  const aws = openMemory('aws' as TargetId)
  const [first = '', second = ''] = [1, 2].map((no) => walKey(records, segment(no)))
  const target = faulty(aws, [{ on: 'remove', key: second, times: 1000, does: { fail: 'TARGET_UNREACHABLE' } }])
  const { walLetGo } = await fleet.uploader([target], { mayRemove: true })
  const base = smallCopy({ targets: ['aws'], startLsn: '0/4000000' })
  await putObjects(aws, [...base.objects, ...[first, second].map((key) => [key, Buffer.from(key)] as const)])
  await fleet.bus.publish(WalExpiryRequested, {
    ...{ sourceId: records, targetId: aws.id, timeline: 1 as never, before: '0/4000000' as never },
    ...{ anchor: base.backupId, anchorAt: moment(Date.now()), segmentBytes: SEGMENT, by: 'ada' },
    requestedAt: moment(Date.now()),
  })
  await until(
    async () => [...aws.objects.keys()],
    (keys) => !keys.includes(first),
  )
  expect(aws.objects.has(second)).toBe(true)
  expect(await fleet.facts(WalExpired)).toEqual([])
  const { value } = (await walLetGo.get('aws.records')) ?? {}
  expect(value?.before).toEqual([{ timeline: 1, lsn: '0/4000000' }])
})
