import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '@lifeboat/testkit/child-environment.ts'
import { nanos } from '@nats-io/nats-core'
import { describe, expect, test } from 'vitest'
import { openLink } from '../src/bus/link.ts'
import { DrillRequested } from '../src/bus/messages/drill.ts'
import { PartStored } from '../src/bus/messages/part.ts'
import { buryStrays } from '../src/bus/strays.ts'
import { LifeboatError } from '../src/errors/lifeboat-error.ts'
import { silentLogger } from '../src/log/logger.ts'
import { aPart, aWish, collector, drills, letters, parts, strangely, waiting, worldPerTest } from './bus-world.ts'

const at = worldPerTest()
describe('a dead letter', () => {
  test('is written for a message a handler refuses for good, which then is gone', async () => {
    const heard = await letters(at)
    let calls = 0
    const refuse = async () => {
      calls += 1
      throw new LifeboatError('SOURCE_UNKNOWN', { sourceId: 'nobody' })
    }
    await at.world.bus.consume(drills, refuse, { signal: at.stop.signal })
    await at.world.bus.publish(DrillRequested, aWish())
    await expect.poll(() => heard).toHaveLength(1)
    expect(heard[0]).toMatchObject({
      subject: 'lifeboat.wish.drill.requested.v1.all',
      error: { code: 'SOURCE_UNKNOWN', facts: { sourceId: 'nobody' } },
      deliveries: 1,
      consumer: 'verifier',
    })
    expect(JSON.parse(heard[0]?.excerpt ?? '')).toEqual(aWish())
    await expect.poll(() => waiting(at, 'LIFEBOAT_WISHES')).toBe(0)
    expect(calls).toBe(1)
  })

  test('is written for what a stranger puts on a subject: no JSON, or another shape', async () => {
    const heard = await letters(at)
    const { got, handle } = collector()
    await at.world.bus.consume(parts, handle, { signal: at.stop.signal })
    at.world.nc.publish('lifeboat.fact.part.stored.v1.db1', '{"oops')
    at.world.nc.publish('lifeboat.fact.part.stored.v1.db1', '{"partNo":"one"}')
    await at.world.bus.publish(PartStored, aPart(3))
    await expect.poll(() => heard).toHaveLength(2)
    expect(heard.map(({ error }) => error.code)).toEqual(['BUS_BAD_MESSAGE', 'BUS_BAD_MESSAGE'])
    await expect.poll(() => got).toEqual([3])
  })

  test('is written when the worker died at every delivery, and the wish leaves the queue', async () => {
    const heard = await letters(at)
    const workers = [await dyingWorker(), await dyingWorker()]
    await at.world.jsm.consumers.update('LIFEBOAT_WISHES', 'mortal', { ack_wait: nanos(300) })
    await at.world.bus.publish(DrillRequested, aWish())
    await Promise.all(workers.map(({ exit }) => exit))
    // The ack wait of the last delivery; what follows would prolong it.
    await pause(1_500)
    let handled = 0
    const fresh = { ...drills, durable: 'mortal', maxDeliver: 2 }
    await at.world.bus.consume(fresh, async () => void handled++, { signal: at.stop.signal })
    await expect.poll(() => heard).toHaveLength(1)
    expect(heard[0]).toMatchObject({ error: { code: 'BUS_DELIVERIES_EXHAUSTED' }, deliveries: 2, consumer: 'mortal' })
    expect(JSON.parse(heard[0]?.excerpt ?? '')).toEqual(aWish())
    await expect.poll(() => waiting(at, 'LIFEBOAT_WISHES')).toBe(0)
    expect(handled).toBe(0)
  })

  test('is written for a wish of an unknown version that nobody asks for, once it waited a while', async () => {
    const heard = await letters(at)
    await using link = asDisposable(await openLink({ servers: [at.world.nats.url], name: 'test', log: silentLogger }))
    await strangely(at.world, 'lifeboat.wish.drill.requested.v7.all', '{"future":true}')
    expect(await buryStrays(link.value, Date.now())).toBe(0)
    expect(await buryStrays(link.value, Date.now() + 120_000)).toBe(1)
    await expect.poll(() => heard).toHaveLength(1)
    expect(heard[0]).toMatchObject({
      subject: 'lifeboat.wish.drill.requested.v7.all',
      error: { code: 'BUS_BAD_MESSAGE' },
    })
    expect(await waiting(at, 'LIFEBOAT_WISHES')).toBe(0)
  })

  test('is not written for a wish whose newer version somebody consumes, nor for a known one nobody consumes yet', async () => {
    await using link = asDisposable(await openLink({ servers: [at.world.nats.url], name: 'test', log: silentLogger }))
    const newer = { durable_name: 'newer', filter_subject: 'lifeboat.wish.drill.requested.v7.*' }
    await at.world.jsm.consumers.add('LIFEBOAT_WISHES', { ...newer, ack_policy: 'explicit' })
    await strangely(at.world, 'lifeboat.wish.drill.requested.v7.all', '{}')
    await at.world.bus.publish(DrillRequested, aWish())
    expect(await buryStrays(link.value, Date.now() + 120_000)).toBe(0)
    expect(await waiting(at, 'LIFEBOAT_WISHES')).toBe(2)
  })

  test('that could not be handled comes again', async () => {
    let attempts = 0
    await at.world.bus.consumeDeadLetters(
      'alerter',
      async () => {
        attempts += 1
        if (attempts === 1) throw new LifeboatError('BUS_UNREACHABLE')
      },
      { signal: at.stop.signal },
    )
    const refuse = () => Promise.reject(new LifeboatError('SOURCE_UNKNOWN'))
    await at.world.bus.consume(drills, refuse, { signal: at.stop.signal })
    await at.world.bus.publish(DrillRequested, aWish())
    await expect.poll(() => attempts).toBe(2)
  })
})

async function dyingWorker(): Promise<{ exit: Promise<unknown> }> {
  const file = fileURLToPath(new URL('fixtures/dying-worker.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [file], {
    env: childEnvironment({ NATS_URL: at.world.nats.url }),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  if (child.stdout) await once(child.stdout, 'data')
  return { exit }
}

function asDisposable(value: Awaited<ReturnType<typeof openLink>>) {
  return { value, [Symbol.asyncDispose]: () => value.nc.close() }
}
