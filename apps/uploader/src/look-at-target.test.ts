import type { MarkedTarget } from '@lifeboat/catalog/audit/buckets.ts'
import type { FleetId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { Footings } from '@lifeboat/shared/service/footings.ts'
import { faulty } from '@lifeboat/storage/layers/faulty.ts'
import { openMemory } from '@lifeboat/storage/memory.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { expect, test, vi } from 'vitest'
import { demandFleet, type OwnTargets } from './fleet-marker.ts'
import { lookAtTarget } from './look-at-target.ts'

const { signal } = new AbortController()

/** What uploaders remember of their targets. */
function ownTargets(): OwnTargets {
  const known = new Map<string, MarkedTarget>()
  const get = async (id: string) => {
    const value = known.get(id)
    return value && { key: id, value, revision: 1, writtenAt: 0 }
  }
  const create = async (id: string, value: MarkedTarget) => (known.has(id) ? undefined : known.set(id, value).size)
  return { fleet: 'acme' as FleetId, markedTargets: { get, create } }
}

async function firstLook(own: OwnTargets, target: Target) {
  const footings = new Footings()
  const stop = new AbortController()
  const looking = lookAtTarget({ ...own, footings, log: silentLogger }, { looks: target }, stop.signal)
  const [found] = await vi.waitUntil(() => footings.all().length > 0 && footings.all(), 90_000)
  stop.abort()
  await looking
  return found
}

test('a target that lists and refuses puts is found out while there is nothing to put', async () => {
  const bucket = openMemory('west' as TargetId)
  await demandFleet(ownTargets(), bucket, signal)
  expect(await firstLook(ownTargets(), bucket)).toMatchObject({ part: 'target', name: 'west' })
  const refusing = faulty(bucket, [{ on: 'put', does: { fail: 'TARGET_REFUSED' } }])
  expect(await firstLook(ownTargets(), refusing)).toMatchObject({ error: { code: 'TARGET_REFUSED' } })
})

test('the marker is not made by a look: a bucket that was emptied must not look like one that is in use', async () => {
  const bucket = openMemory('west' as TargetId)
  expect((await firstLook(ownTargets(), bucket))?.error).toBeUndefined()
  expect(bucket.objects.size).toBe(0)
})

test('a place that was seen with the marker and has none any more is lost, and says to mount it', async () => {
  const own = ownTargets()
  const nas = openMemory('nas' as TargetId)
  await demandFleet(own, nas, signal)
  const marker = nas.objects.get(FLEET_KEY) as Buffer
  nas.objects.clear()
  const lost = { error: { code: 'TARGET_UNMARKED', hint: expect.stringContaining('Mount its disk') } }
  expect(await firstLook(own, nas)).toMatchObject(lost)
  // Whoever was started since knows it as well, and makes no second one.
  await expect(demandFleet(own, openMemory('nas' as TargetId), signal)).rejects.toMatchObject({
    code: 'TARGET_UNMARKED',
  })
  nas.objects.set(FLEET_KEY, marker)
  expect((await firstLook(own, nas))?.error).toBeUndefined()
})

test('that a target has the marker is learnt by looking as well as by putting', async () => {
  const [old, own] = [ownTargets(), ownTargets()]
  const nas = openMemory('nas' as TargetId)
  await demandFleet(old, nas, signal)
  await firstLook(own, nas)
  nas.objects.clear()
  expect(await firstLook(own, nas)).toMatchObject({ error: { code: 'TARGET_UNMARKED' } })
})

test('a disk that may be unmounted at any moment is asked before each put, a store once a minute', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    const own = ownTargets()
    const bucket = openMemory('west' as TargetId)
    const folder = { ...openMemory('nas' as TargetId), abilities: { ...bucket.abilities, mounted: true as const } }
    for (const target of [bucket, folder]) await demandFleet(own, target, signal)
    bucket.objects.clear()
    await folder.remove(FLEET_KEY, { signal })
    await demandFleet(own, bucket, signal)
    await expect(demandFleet(own, folder, signal)).rejects.toMatchObject({ code: 'TARGET_UNMARKED' })
    vi.advanceTimersByTime(60_000)
    await expect(demandFleet(own, bucket, signal)).rejects.toMatchObject({ code: 'TARGET_UNMARKED' })
  } finally {
    vi.useRealTimers()
  }
})

test('a folder whose marker was found before is only looked at, and refused once the marker is that of another fleet', async () => {
  const memory = openMemory('nas' as TargetId)
  let puts = 0
  const put: typeof memory.put = (...args) => {
    puts += 1
    return memory.put(...args)
  }
  const folder = { ...memory, put, abilities: { ...memory.abilities, mounted: true as const } }
  const own = ownTargets()
  for (let no = 0; no < 3; no += 1) await demandFleet(own, folder, signal)
  expect(puts).toBe(1)
  memory.objects.clear()
  await demandFleet({ ...ownTargets(), fleet: 'others' as FleetId }, memory, signal)
  await expect(demandFleet(own, folder, signal)).rejects.toMatchObject({ code: 'TARGET_KEY_TAKEN' })
})
