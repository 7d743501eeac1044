import { setTimeout as pause } from 'node:timers/promises'
import { nanos } from '@nats-io/nats-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Bucket, BucketDefinition, ObservedMessage, ProgressReport } from '../src/bus/bus.ts'
import { busSubject } from '../src/bus/define-message.ts'
import { BackupRequested } from '../src/bus/messages/backup.ts'
import { DrillRequested } from '../src/bus/messages/drill.ts'
import { PartStored } from '../src/bus/messages/part.ts'
import { aPart, aWish, openWorld, strangely } from './bus-world.ts'

let world: Awaited<ReturnType<typeof openWorld>>
let count = 0
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const schema = z.object({ n: z.int() })
type Value = z.infer<typeof schema>

function aBucket(over: Partial<BucketDefinition<Value>> = {}): Promise<Bucket<Value>> {
  count += 1
  return world.bus.bucket({ name: `test_${count}`, summary: 'A bucket for tests', schema, ...over })
}

describe('a bucket', () => {
  test('is written by compare-and-set: the second of two writers is told that it lost', async () => {
    const bucket = await aBucket()
    const revision = (await bucket.create('a.b', { n: 1 })) ?? 0
    expect(await bucket.create('a.b', { n: 2 })).toBeUndefined()
    expect(await bucket.update('a.b', { n: 3 }, revision)).toBeGreaterThan(revision)
    expect(await bucket.update('a.b', { n: 4 }, revision)).toBeUndefined()
    expect((await bucket.get('a.b'))?.value).toEqual({ n: 3 })
  })

  test('forgets what was deleted, and takes it anew', async () => {
    const bucket = await aBucket()
    await bucket.put('a', { n: 1 })
    await bucket.delete('a')
    expect(await bucket.get('a')).toBeUndefined()
    expect(await Array.fromAsync(bucket.entries())).toEqual([])
    expect(await bucket.count()).toBe(0)
    expect(await bucket.create('a', { n: 2 })).toBeGreaterThan(0)
    expect(await bucket.count()).toBe(1)
  })

  test('gives the entries that match, ends by itself, also when there are none', async () => {
    const bucket = await aBucket()
    expect(await Array.fromAsync(bucket.entries())).toEqual([])
    await Promise.all(Array.from({ length: 300 }, (_, n) => bucket.put(`${n % 2 ? 'odd' : 'even'}.${n}`, { n })))
    expect((await Array.fromAsync(bucket.entries('odd.>'))).length).toBe(150)
    expect((await Array.fromAsync(bucket.entries())).length).toBe(300)
    expect(await bucket.count('odd.*')).toBe(150)
    expect(await bucket.count('nothing.>')).toBe(0)
  })

  test('gives only what was written since a moment, once and as it is now', async () => {
    const bucket = await aBucket()
    await bucket.put('old', { n: 1 })
    await bucket.put('changed', { n: 1 })
    await pause(50)
    const since = Date.now()
    await pause(50)
    await bucket.put('changed', { n: 2 })
    await bucket.put('new', { n: 3 })
    const entries = await Array.fromAsync(bucket.entries(undefined, { since }))
    expect(entries.map(({ key, value }) => [key, value.n])).toEqual([
      ['changed', 2],
      ['new', 3],
    ])
    expect(await Array.fromAsync(bucket.entries('old', { since }))).toEqual([])
  })

  test('that is permanent is counted without reading it', async () => {
    const bucket = await aBucket({ permanent: true })
    expect(await bucket.count()).toBe(0)
    for (let n = 0; n < 5; n += 1) await bucket.put(`k.${n}`, { n })
    await bucket.put('k.1', { n: 100 })
    expect(await bucket.count('k.*')).toBe(5)
  })

  test('leaves no reader behind on the server', async () => {
    const bucket = await aBucket()
    await bucket.put('a', { n: 1 })
    await Array.fromAsync(bucket.entries())
    for await (const _entry of bucket.entries()) break
    await bucket.count()
    const stream = `KV_test_${count}`
    await expect.poll(async () => (await world.jsm.streams.info(stream)).state.consumer_count).toBe(0)
  })

  test('refuses an entry of the wrong shape when asked for it, and passes over it in a list', async () => {
    const bucket = await aBucket()
    await bucket.put('good', { n: 1 })
    await world.bus
      .bucket({ name: `test_${count}`, summary: 'A bucket for tests', schema: z.any() })
      .then((loose) => loose.put('bad', { n: 'x' }))
    await expect(bucket.get('bad')).rejects.toMatchObject({ code: 'BUS_BAD_MESSAGE', facts: { key: 'bad' } })
    expect((await Array.fromAsync(bucket.entries())).map(({ key }) => key)).toEqual(['good'])
  })

  test('whose keep time drifted is brought back when it is opened', async () => {
    await aBucket({ maxAgeMs: 60_000 })
    const name = `KV_test_${count}`
    const { config } = await world.jsm.streams.info(name)
    await world.jsm.streams.update(name, { ...config, max_age: nanos(3_600_000) })
    await world.bus.bucket({ name: `test_${count}`, summary: 'A bucket for tests', schema, maxAgeMs: 60_000 })
    expect((await world.jsm.streams.info(name)).config.max_age).toBe(nanos(60_000))
  })

  test('is watched: what is there, then each change, across a restart of NATS, until the signal fires', async () => {
    const bucket = await aBucket()
    await bucket.put('a', { n: 1 })
    const stop = new AbortController()
    const seen: unknown[] = []
    const watching = (async () => {
      const watch = bucket.watch({ signal: stop.signal, caughtUp: () => seen.push('caught up') })
      for await (const { key, value } of watch) seen.push(value === undefined ? `${key} gone` : `${key}=${value.n}`)
    })()
    await expect.poll(() => seen).toEqual(['a=1', 'caught up'])
    await bucket.put('b', { n: 2 })
    await bucket.delete('a')
    await expect.poll(() => seen.slice(2)).toEqual(['b=2', 'a gone'])
    await world.nats.restart({ signal: 'SIGKILL', downMs: 100 })
    await bucket.put('b', { n: 3 })
    await expect.poll(() => seen.slice(4)).toEqual(['b=3'])
    stop.abort()
    await watching
  })

  test('is watched from now on when only news is asked for, and says at once that it is caught up', async () => {
    const bucket = await aBucket()
    await bucket.put('a', { n: 1 })
    const stop = new AbortController()
    const seen: string[] = []
    const watching = (async () => {
      const watch = bucket.watch({ signal: stop.signal, onlyNew: true, caughtUp: () => seen.push('caught up') })
      for await (const { key } of watch) seen.push(key)
    })()
    await expect.poll(() => seen).toEqual(['caught up'])
    await bucket.put('c', { n: 1 })
    await expect.poll(() => seen).toEqual(['caught up', 'c'])
    stop.abort()
    await watching
  })
})

describe('looking at the bus', () => {
  test('shows waiting wishes and past facts by time, leaves them alone, and follows what comes', async () => {
    await world.bus.publish(PartStored, aPart(1))
    await world.bus.publish(DrillRequested, aWish(1))
    await world.bus.publish(PartStored, aPart(2))
    const told = ({ subject, data }: ObservedMessage) => `${subject.split('.')[1]} ${JSON.stringify(data).slice(0, 20)}`
    const past = await Array.fromAsync(world.bus.observe({ signal: AbortSignal.timeout(120_000), follow: false }))
    expect(past.map(({ subject }) => subject.split('.')[1])).toEqual(['fact', 'wish', 'fact'])
    expect((await world.jsm.streams.info('LIFEBOAT_WISHES')).state.messages).toBe(1)

    const stop = new AbortController()
    const seen: string[] = []
    const following = (async () => {
      const subjects = ['lifeboat.wish.>', 'lifeboat.fact.part.stored.v1.db2']
      for await (const each of world.bus.observe({ signal: stop.signal, follow: true, subjects })) seen.push(told(each))
    })()
    await expect.poll(() => seen.length).toBe(1)
    await world.bus.publish(PartStored, aPart(3, 'db2'))
    await world.bus.publish(PartStored, aPart(4, 'db1'))
    await world.bus.publish(DrillRequested, aWish(2))
    await expect.poll(() => seen.map((line) => line.slice(0, 4)).sort()).toEqual(['fact', 'wish', 'wish'])
    stop.abort()
    await following
  })

  test('reads the wishes of one type that wait, passes over what has not its shape, and takes none', async () => {
    const sentAt: number[] = []
    for (const no of [11, 12]) {
      sentAt.push(Date.now())
      await pause(20)
      await world.bus.publish(DrillRequested, aWish(no))
      await pause(20)
    }
    const readAt = Date.now()
    await strangely(world, busSubject(DrillRequested, DrillRequested.route(aWish(11))), 'no json')
    const before = (await world.jsm.streams.info('LIFEBOAT_WISHES')).state.messages
    const waiting = await Array.fromAsync(world.bus.waiting(DrillRequested))
    expect(waiting.slice(-2).map(({ data }) => data)).toEqual([aWish(11), aWish(12)])
    const moments = waiting.slice(-2).map(({ at }) => Date.parse(at))
    const inOrder = [sentAt[0], moments[0], sentAt[1], moments[1], readAt]
    expect(inOrder).toEqual(inOrder.toSorted())
    expect(await Array.fromAsync(world.bus.waiting(BackupRequested))).toEqual([])
    expect((await world.jsm.streams.info('LIFEBOAT_WISHES')).state.messages).toBe(before)
  })

  test('begins at the moment asked for', async () => {
    await pause(20)
    const since = Date.now()
    await pause(20)
    await world.bus.publish(PartStored, aPart(77))
    const seen = await Array.fromAsync(
      world.bus.observe({ signal: AbortSignal.timeout(120_000), follow: false, since }),
    )
    expect(seen.map(({ data }) => (data as PartStored).partNo)).toEqual([77])
  })

  test('shows what a stranger published as it is', async () => {
    await strangely(world, `lifeboat.wish.${BackupRequested.subject}.v1.db1`, 'no json')
    const seen = await Array.fromAsync(world.bus.observe({ signal: AbortSignal.timeout(120_000), follow: false }))
    expect(seen.at(-1)?.data).toBe('no json')
  })

  test('progress of one run reaches who watches it, and no other run does', async () => {
    const stop = new AbortController()
    const seen: ProgressReport[] = []
    const watching = (async () => {
      for await (const report of world.bus.watchProgress({ signal: stop.signal, runId: 'daily.records.1' }))
        seen.push(report)
    })()
    const report = { service: 'test', at: 0, phase: 'dump', done: 1, unit: 'bytes' as const }
    await world.bus.ping()
    world.bus.sendProgress({ ...report, runId: 'daily.records.2' })
    world.bus.sendProgress({ ...report, runId: 'daily.records.1' })
    await expect.poll(() => seen).toEqual([{ ...report, runId: 'daily.records.1' }])
    stop.abort()
    await watching
  })
})
