import { DEEP_READS_BUCKET } from '@lifeboat/catalog/audit/buckets.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { CopyAudited, CopyRemade } from '@lifeboat/shared/bus/messages/audit.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { putObjects, smallCopy, spoil } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import { deepReads } from '../src/deep-read.ts'
import { startFleet } from './support/fleet.ts'

const signal = new AbortController().signal
const HOUR = 3_600_000
const COPIES = 3

test('a flipped byte is found by a sample, told, and the copy is made whole from the target that has the right bytes', async () => {
  await using at = await startPlace()
  const [bad] = at.copies
  const key = bad.partKeys[1] as string
  await spoil(at.aws, key)
  // This one has other bytes as well: it must not be taken from there.
  await spoil(at.gcp, key)
  await at.everythingIsDue()
  await at.read()
  const audited = await at.fleet.facts(CopyAudited)
  expect(audited.filter(({ found }) => found === 'damaged')).toEqual([
    expect.objectContaining({
      ...{ backupId: bad.backupId, targetId: 'aws', read: true },
      problem: 'the bytes of db.dump.zst.age.00001 are not those of the manifest',
    }),
  ])
  expect(audited.filter(({ found, read }) => found === 'whole' && read)).toHaveLength(COPIES - 1)
  const [remade] = await until(
    () => at.fleet.facts(CopyRemade),
    (facts) => facts.length > 0,
  )
  expect(remade).toMatchObject({ backupId: bad.backupId, objects: 1, from: ['azure'] })
  for (const { objects } of at.copies)
    for (const [each, bytes] of objects) expect(at.aws.objects.get(each)?.equals(bytes), each).toBe(true)
})

test('uploaders share one sample, the first look reads nothing, an hour passes before the next, and a target that is away says nothing of its copies', async () => {
  await using at = await startPlace()
  await at.read()
  await at.read()
  expect(await at.fleet.facts(CopyAudited)).toEqual([])
  await at.everythingIsDue()
  const away = { ...at.aws, get: () => Promise.reject(new LifeboatError('TARGET_REFUSED')) }
  await at.read(away)
  expect(await at.fleet.facts(CopyAudited)).toEqual([])
  await at.everythingIsDue()
  await Promise.all([at.read(), at.read()])
  await at.read()
  expect(await at.fleet.facts(CopyAudited)).toHaveLength(COPIES)
})

test('a copy that cannot be read holds up no other: it is told of in the log, and read again behind the rest', async () => {
  await using at = await startPlace()
  const oldest = at.copies.at(-1) as (typeof at.copies)[0]
  const refusing = {
    ...at.aws,
    get: (...[key, opts]: Parameters<typeof at.aws.get>) =>
      key.includes(oldest.backupId) ? Promise.reject(new LifeboatError('TARGET_REFUSED')) : at.aws.get(key, opts),
  }
  // One copy is paid for each time.
  const read = async () => {
    await at.everythingIsDue()
    await at.read(refusing, 1 / (2 * COPIES))
    return (await at.fleet.facts(CopyAudited)).map(({ backupId }) => backupId)
  }
  expect(await read()).toEqual([])
  expect(await read()).toHaveLength(1)
  expect(await read()).toHaveLength(2)
})

test('where nothing is left, the marker neither, no copy is said to be missing: an empty folder lies where the disk should be mounted', async () => {
  await using at = await startPlace()
  at.aws.objects.clear()
  await at.everythingIsDue()
  await at.read()
  expect(await at.fleet.facts(CopyAudited)).toEqual([])
  await putObjects(at.aws, [[FLEET_KEY, Buffer.from('{}')]])
  await at.everythingIsDue()
  await at.read()
  const found = (await at.fleet.facts(CopyAudited)).map((fact) => fact.found)
  expect(found.filter((each) => each === 'missing')).toHaveLength(COPIES)
})

async function startPlace() {
  const stack = new AsyncDisposableStack()
  const fleet = stack.use(await startFleet())
  const targets = ['aws', 'gcp', 'azure'].map((id) => openMemory(id as TargetId))
  const [aws, gcp] = targets as [(typeof targets)[0], (typeof targets)[0]]
  const deps = await fleet.uploader(targets, { mayRemove: true })
  const ids = targets.map(({ id }) => id)
  const made = Array.from({ length: COPIES }, (_, no) => smallCopy({ targets: ids, atMs: Date.now() - no * HOUR }))
  const copies = made as [(typeof made)[0], ...typeof made]
  const catalog = await KvCatalog.open(fleet.bus)
  for (const { objects, sealed, stored } of copies) {
    for (const target of targets) await putObjects(target, objects)
    await catalog.apply({ subject: 'backup.sealed', data: sealed })
    for (const id of ids) await catalog.apply({ subject: 'copy.stored', data: stored(id) })
  }
  const bucket = await fleet.bus.bucket(DEEP_READS_BUCKET)
  return {
    ...{ fleet, aws, gcp, copies },
    /** A day has passed, and everything is read each day. */
    async everythingIsDue() {
      await bucket.put('aws', { targetId: aws.id, at: moment(Date.now() - 24 * HOUR), creditBytes: 0 })
    },
    read(target: typeof aws = aws, deepRead = 1) {
      const lane = deps.lanes[0]
      if (lane === undefined) throw new Error('there is no lane')
      return deepReads({ ...deps, deepRead }, { ...lane, target }, signal)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
