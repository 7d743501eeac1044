import { SURVEYS_BUCKET } from '@lifeboat/catalog/audit/buckets.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { CopyLockFound } from '@lifeboat/shared/bus/messages/copy.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { S3Config } from '@lifeboat/storage/target-config.ts'
import { type S3Server, startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { putObjects, smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import type { Lane } from '../src/deps.ts'
import { surveyTargets } from '../src/survey.ts'
import { laneOf, startFleet } from './support/fleet.ts'

const signal = new AbortController().signal
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const NOW = Date.now()

test('a look is kept although its locks cannot be renewed, and the next one renews them', async () => {
  await using at = await startPlace()
  at.locks.broken = true
  await at.look(0)
  expect(await at.survey()).toMatchObject({ backups: 1, missing: 0 })
  expect(at.locks.extended).toEqual([])
  at.locks.broken = false
  await at.look(HOUR)
  expect(at.locks.extended).toEqual([])
  await at.look(7 * HOUR)
  expect(at.locks.extended).toHaveLength(at.copy.objects.size)
  expect((await at.survey())?.locks).toMatchObject({ extended: 1, drifted: [{ now: 'locked' }] })
})

test('the date of a lock that was renewed or set is told, and once', async () => {
  await using at = await startPlace()
  await at.look(0)
  const [found] = await at.fleet.facts(CopyLockFound)
  expect(found).toMatchObject({
    backupId: at.copy.backupId,
    targetId: 'aws',
    lockedUntil: moment(NOW + 30 * 24 * HOUR),
  })
  await at.catalog.apply({ subject: 'copy.lock-found', data: found as CopyLockFound })
  await at.look(7 * HOUR)
  expect(await at.fleet.facts(CopyLockFound)).toHaveLength(1)
  await at.look(20 * 24 * HOUR)
  expect((await at.fleet.facts(CopyLockFound)).at(-1)?.lockedUntil).toBe(moment(NOW + 50 * 24 * HOUR))
})

test('a look says how far the clock here is from that of the store, if the store tells the time', async () => {
  await using fleet = await startFleet()
  await using server = await startS3Server()
  await using target = await openAt(server)
  await putObjects(target, [[FLEET_KEY, Buffer.from('{}')]])
  const deps = await fleet.uploader([])
  const surveys = await fleet.bus.bucket(SURVEYS_BUCKET)
  const aheadOf = async (aheadMs: number, at: Target) => {
    await surveys.delete('aws')
    await surveyTargets({ ...deps, clock: { now: () => Date.now() + aheadMs } }, [laneOf(at)], signal)
    return (await surveys.get('aws'))?.value.clockAheadMs
  }
  const hoursAhead = async (hours: number) => Math.round(((await aheadOf(hours * HOUR, target)) ?? Number.NaN) / HOUR)
  expect([await hoursAhead(0), await hoursAhead(480), await hoursAhead(-30)]).toEqual([0, 480, -30])
  const silent = openMemory('aws' as TargetId)
  await putObjects(silent, [[FLEET_KEY, Buffer.from('{}')]])
  expect(await aheadOf(0, silent)).toBeUndefined()
})

test('a look that is not believed is repeated after ten minutes, keeps its first moment, and touches no lock', async () => {
  await using at = await startPlace()
  const marker = at.target.objects.get(FLEET_KEY) as Buffer
  at.target.objects.delete(FLEET_KEY)
  await at.look(0)
  const first = await at.survey()
  expect(first).toMatchObject({ doubt: expect.any(String), doubtedSince: moment(NOW) })
  await at.look(5 * MINUTE)
  expect((await at.survey())?.at).toBe(first?.at)
  await at.look(11 * MINUTE)
  expect(await at.survey()).toMatchObject({ at: moment(NOW + 11 * MINUTE), doubtedSince: moment(NOW) })
  expect(at.locks.extended).toEqual([])
  at.target.objects.set(FLEET_KEY, marker)
  await at.look(22 * MINUTE)
  expect((await at.survey())?.doubtedSince).toBeUndefined()
})

test('a look counts what the store moved, what it should have moved and what it should have left alone', async () => {
  await using fleet = await startFleet()
  await using server = await startS3Server()
  await using target = await openAt(server, { transition: { class: 'STANDARD_IA', days: { base: 30 } } })
  const copy = smallCopy({ targets: ['aws'], atMs: NOW - HOUR, partBytes: 200_000 })
  const deps = await fleet.uploader([])
  const surveys = await fleet.bus.bucket(SURVEYS_BUCKET)
  const look = async (afterMs: number) => {
    await surveyTargets({ ...deps, clock: { now: () => NOW + afterMs } }, [laneOf(target)], signal)
    return (await surveys.get('aws'))?.value.classes
  }
  const DAY = 24 * HOUR
  // From the first look on it is known that parts are marked.
  const marks = { base: { days: 30, since: moment(NOW - 3 * DAY) } }
  const none = { parts: 0, bytes: 0 }
  expect(await look(-3 * DAY)).toMatchObject({ marks, moved: none, late: none })
  await putObjects(target, [...copy.objects, [FLEET_KEY, Buffer.from('{}')]])
  expect(await look(34 * DAY)).toMatchObject({ marks, moved: none, late: none, misplaced: { objects: 0 } })
  expect(await look(36 * DAY)).toMatchObject({ late: { parts: 2, bytes: 400_000 } })
  for (const key of copy.partKeys) server.move(key, 'STANDARD_IA')
  const manifest = [...copy.objects.keys()].at(-1) as string
  server.move(manifest, 'STANDARD_IA')
  expect(await look(37 * DAY)).toMatchObject({
    ...{ marks, late: none, moved: { parts: 2, bytes: 400_000 } },
    misplaced: { objects: 1, offline: 0, shown: [{ key: manifest, storageClass: 'STANDARD_IA' }] },
  })
})

test('leftovers of an attempt that came to nothing are removed after two days, where removing is allowed and the look is believed', async () => {
  await using fleet = await startFleet()
  await using server = await startS3Server()
  await using target = await openAt(server)
  const [copy, attempt] = [smallCopy({ targets: ['aws'], atMs: NOW - HOUR }), smallCopy({ targets: ['aws'] })]
  const leftovers = attempt.partKeys.map((key) => [key, attempt.objects.get(key) as Buffer] as const)
  await putObjects(target, [...copy.objects, ...leftovers, [FLEET_KEY, Buffer.from('{}')]])
  const catalog = await KvCatalog.open(fleet.bus)
  await catalog.apply({ subject: 'backup.sealed', data: copy.sealed })
  await catalog.apply({ subject: 'copy.stored', data: copy.stored('aws') })
  const deps = await fleet.uploader([])
  /** What is there afterwards of the attempt. */
  const left = async (afterMs: number, over: Partial<Lane> = {}) => {
    const clock = { now: () => Date.now() + afterMs }
    await surveyTargets({ ...deps, clock }, [{ ...laneOf(target), remover: target, ...over }], signal)
    const keys = await Array.fromAsync(target.list('', { signal }), ({ key }) => key)
    expect(keys).toEqual(expect.arrayContaining([...copy.objects.keys()]))
    return keys.filter((key) => attempt.partKeys.includes(key)).length
  }
  expect(await left(47 * HOUR)).toBe(2)
  expect(await left(54 * HOUR, { remover: undefined })).toBe(2)
  const marker = [FLEET_KEY, Buffer.from('{}')] as const
  await target.remove(FLEET_KEY, { signal })
  expect(await left(61 * HOUR)).toBe(2)
  await putObjects(target, [marker])
  expect(await left(68 * HOUR)).toBe(0)
})

async function startPlace() {
  const stack = new AsyncDisposableStack()
  const fleet = stack.use(await startFleet())
  const target = openMemory('aws' as TargetId)
  const locks = { broken: false, extended: [] as string[], until: new Map<string, Date>() }
  const locking = {
    ...target,
    locks: {
      forMs: () => 30 * 24 * HOUR,
      async extend(key: string, until: Date) {
        if (locks.broken) throw new LifeboatError('TARGET_UNREACHABLE', { targetId: target.id, key })
        locks.extended.push(key)
        locks.until.set(key, until)
      },
    },
    async stat(key: string, opts: { signal: AbortSignal }) {
      const [there, until] = [await target.stat(key, opts), locks.until.get(key)]
      return there && { ...there, ...(until && { lockedUntil: until.toISOString() }) }
    },
  }
  const deps = await fleet.uploader([])
  const copy = smallCopy({ targets: ['aws'], atMs: NOW - HOUR })
  await putObjects(target, [...copy.objects, [FLEET_KEY, Buffer.from('{}')]])
  const catalog = await KvCatalog.open(fleet.bus)
  await catalog.apply({ subject: 'backup.sealed', data: copy.sealed })
  await catalog.apply({ subject: 'copy.stored', data: copy.stored('aws') })
  const surveys = await fleet.bus.bucket(SURVEYS_BUCKET)
  const lane = laneOf(locking)
  return {
    ...{ fleet, catalog, target, locks, copy },
    look: (afterMs: number) => surveyTargets({ ...deps, clock: { now: () => NOW + afterMs } }, [lane], signal),
    survey: async () => (await surveys.get('aws'))?.value,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function openAt({ endpoint, region, bucket, credentials }: S3Server, more: object = {}): Promise<Target> {
  const config = S3Config.parse({
    ...{ kind: 's3', endpoint, region, bucket, forcePathStyle: true },
    ...{ accessKeyId: 'env:ID', secretAccessKey: 'env:SECRET', ...more },
  })
  const resolveSecret = (ref: string) =>
    new Secret(ref === 'env:ID' ? credentials.accessKeyId : credentials.secretAccessKey)
  return openTarget('aws' as TargetId, config, { resolveSecret, log: silentLogger })
}
