import { randomUUID } from 'node:crypto'
import type { Bucket, BucketDefinition, Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { type NatsServer, startNats } from '@lifeboat/testkit/nats.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RECORDS, SUMMARIES } from '../src/buckets.ts'
import { CATALOG_CASES } from '../src/conformance/cases.ts'
import { aBackup } from '../src/conformance/facts.ts'
import { KvCatalog } from '../src/kv-catalog.ts'

let nats: NatsServer
let bus: Bus
beforeAll(async () => {
  nats = await startNats()
  bus = await connectBus({ servers: [nats.url], name: 'test', log: silentLogger })
})
afterAll(async () => {
  await bus[Symbol.asyncDispose]()
  await nats[Symbol.asyncDispose]()
})

/** Buckets of its own for each test, on the one server. */
async function buckets() {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const open = <T>(definition: BucketDefinition<T>) => bus.bucket({ ...definition, name })
  return { records: await open(RECORDS), summaries: await open(SUMMARIES) }
}

function withMethods<T>(bucket: Bucket<T>, methods: Partial<Bucket<T>>): Bucket<T> {
  return new Proxy(bucket, {
    get: (inner, name) => methods[name as keyof Bucket<T>] ?? inner[name as keyof Bucket<T>].bind(inner),
  })
}

describe('a catalogue in NATS', () => {
  test.for(CATALOG_CASES)('$name', async ({ check }) => {
    const { records, summaries } = await buckets()
    await check(new KvCatalog(records, summaries))
  })

  test('a writer that dies between record and summary is made up for when its fact comes again', async () => {
    const { records, summaries } = await buckets()
    const dies = () => Promise.reject(new Error('killed'))
    const broken = withMethods(summaries, { create: dies, update: dies })
    const backup = aBackup()
    await expect(new KvCatalog(records, broken).apply(backup.sealed())).rejects.toThrow('killed')
    const catalog = new KvCatalog(records, summaries)
    expect(await catalog.summary(backup.sourceId)).toBeUndefined()
    await catalog.apply(backup.sealed())
    expect((await catalog.summary(backup.sourceId))?.recent).toHaveLength(1)
  })

  test('a slow writer does not put an older state of a backup over a newer one', async () => {
    const { records, summaries } = await buckets()
    const backup = aBackup()
    const fast = new KvCatalog(records, summaries)
    // Between its record and its summary the slow writer sleeps through the end of the backup.
    const get = async (key: string) => {
      await fast.apply(backup.failed())
      return summaries.get(key)
    }
    const slow = new KvCatalog(records, withMethods(summaries, { get }))
    await slow.apply(backup.started())
    expect((await fast.list({ limit: 1 }))[0]?.state).toBe('failed')
  })

  test('a fact that says nothing new writes nothing', async () => {
    const { records, summaries } = await buckets()
    const catalog = new KvCatalog(records, summaries)
    const backup = aBackup()
    await catalog.apply(backup.sealed())
    const before = await summaries.get(`source.${backup.sourceId}`)
    await catalog.apply(backup.sealed())
    expect(await summaries.get(`source.${backup.sourceId}`)).toEqual(before)
  })
})
