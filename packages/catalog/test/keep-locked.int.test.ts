import { keepLocked } from '@lifeboat/catalog/audit/keep-locked.ts'
import { MemoryCatalog } from '@lifeboat/catalog/memory-catalog.ts'
import type { CopyLockFound } from '@lifeboat/shared/bus/messages/copy.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { MarkId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { Locks } from '@lifeboat/storage/target.ts'
import { TargetConfig } from '@lifeboat/storage/target-config.ts'
import { startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { putObjects, smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'

const signal = new AbortController().signal
const DAY = 86_400_000

test('what stays is renewed in time, what was never locked is found and locked, and what is let go is left to run out', async () => {
  await using server = await startS3Server({ pageSize: 1000 })
  const { bucket, region, endpoint } = server
  const { accessKeyId, secretAccessKey } = server.credentials
  const secrets: Record<string, string> = { 'env:ID': accessKeyId, 'env:KEY': secretAccessKey }
  const ctx = { log: silentLogger, resolveSecret: (ref: string) => new Secret(secrets[ref] ?? '') }
  const open = (more: object) =>
    openTarget(
      'aws' as TargetId,
      TargetConfig.parse({
        ...{ kind: 's3', bucket, region, endpoint, forcePathStyle: true, ...more },
        ...{ accessKeyId: 'env:ID', secretAccessKey: 'env:KEY' },
      }),
      ctx,
    )
  await using plain = await open({})
  await using target = await open({ lock: { days: 30, mode: 'governance' } })
  const [never, young, gone] = [3, 2, 1].map((hours) =>
    smallCopy({ targets: ['aws'], atMs: Date.now() - hours * 3_600_000 }),
  ) as [ReturnType<typeof smallCopy>, ReturnType<typeof smallCopy>, ReturnType<typeof smallCopy>]
  await putObjects(plain, never.objects)
  await putObjects(target, young.objects)
  await putObjects(target, gone.objects)
  const catalog = new MemoryCatalog()
  for (const { sealed, stored } of [never, young, gone]) {
    await catalog.apply({ subject: 'backup.sealed', data: sealed })
    await catalog.apply({ subject: 'copy.stored', data: stored('aws') })
  }
  const about = { sourceId: gone.sealed.sourceId, backupId: gone.backupId, targetId: 'aws' as TargetId }
  const mark = { ...about, markId: '20260910T020000Z-mark-aaaaaa' as MarkId, removeAfter: moment(Date.now()) }
  await catalog.apply({ subject: 'copy.marked', data: mark })
  const told: [string, number][] = []
  const tell = async (found: CopyLockFound) => {
    const days = Math.round((Date.parse(found.lockedUntil ?? '') - Date.now()) / DAY)
    told.push([found.backupId, days])
    await catalog.apply({ subject: 'copy.lock-found', data: found })
  }
  const toldNow = () => told.splice(0).sort()
  const of = (days: number) => [never, young].map(({ backupId }) => [backupId, days]).sort()
  const keep = (inDays: number) =>
    keepLocked(target, target.locks as Locks, catalog, { signal, nowMs: Date.now() + inDays * DAY, tell })
  const leftOf = async (copy: ReturnType<typeof smallCopy>) => {
    const days = new Set<number>()
    for (const key of copy.objects.keys())
      days.add(Math.round((Date.parse((await target.stat(key, { signal }))?.lockedUntil ?? '') - Date.now()) / DAY))
    return [...days]
  }

  expect(await keep(0)).toEqual({
    ...{ locked: 1, extended: 1 },
    drifted: [{ sourceId: 'records', backupId: never.backupId, problem: 'it is not locked', now: 'locked' }],
  })
  expect([await leftOf(never), await leftOf(young), await leftOf(gone)]).toEqual([[30], [30], [30]])
  // Also of what was locked by its put: it was told by nobody here.
  expect(toldNow()).toEqual(of(30))
  expect(await keep(10)).toEqual({ locked: 2, extended: 0, drifted: [] })
  expect(toldNow()).toEqual([])
  expect(await keep(20)).toEqual({ locked: 0, extended: 2, drifted: [] })
  expect([await leftOf(never), await leftOf(young), await leftOf(gone)]).toEqual([[50], [50], [30]])
  expect(toldNow()).toEqual(of(50))
  // By now the policy is to be locked for longer.
  await using longer = await open({ lock: { days: 30, mode: 'governance', policies: { daily: 400 } } })
  const looked = await keepLocked(longer, longer.locks as Locks, catalog, { signal, nowMs: Date.now(), tell })
  expect(looked).toEqual({ locked: 0, extended: 2, drifted: [] })
  expect([await leftOf(never), await leftOf(young), await leftOf(gone)]).toEqual([[400], [400], [30]])
})

test('a bucket that was not made for locks is told of, copy by copy', async () => {
  await using server = await startS3Server({ versioned: false })
  const { bucket, region, endpoint } = server
  const { accessKeyId, secretAccessKey } = server.credentials
  const secrets: Record<string, string> = { 'env:ID': accessKeyId, 'env:KEY': secretAccessKey }
  const ctx = { log: silentLogger, resolveSecret: (ref: string) => new Secret(secrets[ref] ?? '') }
  const base = { kind: 's3', bucket, region, endpoint, forcePathStyle: true }
  const keys = { accessKeyId: 'env:ID', secretAccessKey: 'env:KEY' }
  const open = (more: object) => openTarget('aws' as TargetId, TargetConfig.parse({ ...base, ...keys, ...more }), ctx)
  await using plain = await open({})
  await using target = await open({ lock: { days: 30, mode: 'governance' } })
  const copy = smallCopy({ targets: ['aws'] })
  await putObjects(plain, copy.objects)
  const catalog = new MemoryCatalog()
  await catalog.apply({ subject: 'backup.sealed', data: copy.sealed })
  await catalog.apply({ subject: 'copy.stored', data: copy.stored('aws') })
  const told: CopyLockFound[] = []
  const tell = async (found: CopyLockFound) => void told.push(found)
  const looked = await keepLocked(target, target.locks as Locks, catalog, { signal, nowMs: Date.now(), tell })
  // It is as the catalogue has it.
  expect(told).toEqual([])
  expect(looked).toEqual({
    ...{ locked: 0, extended: 0 },
    drifted: [
      {
        ...{ sourceId: 'records', backupId: copy.backupId, now: 'unlocked' },
        problem: 'it is not locked; the store refuses to lock it',
      },
    ],
  })
})

test("the manifest never promises more than the rest: when an object cannot be locked, its date stays, and a copy that went meanwhile is nobody's trouble", async () => {
  const copy = smallCopy({ targets: ['aws'] })
  const catalog = new MemoryCatalog()
  await catalog.apply({ subject: 'backup.sealed', data: copy.sealed })
  await catalog.apply({ subject: 'copy.stored', data: copy.stored('aws') })
  const look = async (fault: 'TARGET_REFUSED' | 'TARGET_HELD' | 'TARGET_KEY_ABSENT') => {
    const extended: string[] = []
    const inner = openMemory('aws' as TargetId)
    await putObjects(inner, copy.objects)
    const locks: Locks = {
      forMs: () => 30 * DAY,
      async extend(key) {
        if (key === copy.partKeys[1]) throw new LifeboatError(fault, { key })
        extended.push(key)
      },
    }
    const looked = await keepLocked(inner, locks, catalog, { signal, nowMs: Date.now(), tell: async () => {} })
    return { extended, now: looked.drifted.map(({ now, problem }) => `${now}: ${problem}`) }
  }
  const begun = (now: string[]) => ({ extended: [expect.stringMatching('RECOVER.md'), copy.partKeys[0]], now })
  expect(await look('TARGET_REFUSED')).toEqual(begun(['unlocked: it is not locked; the store refuses to lock it']))
  expect(await look('TARGET_HELD')).toEqual(begun(['unlocked: it is not locked; the lock it has cannot be changed']))
  expect(await look('TARGET_KEY_ABSENT')).toEqual(begun([]))
})
