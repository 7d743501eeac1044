import { setTimeout as pause } from 'node:timers/promises'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { describe, expect, test } from 'vitest'
import { DrillRequested } from '../src/bus/messages/drill.ts'
import { PartStored } from '../src/bus/messages/part.ts'
import { connectBus } from '../src/bus/nats-bus.ts'
import { silentLogger } from '../src/log/logger.ts'
import { aPart, aWish, drills, waiting, worldPerTest } from './bus-world.ts'

const at = worldPerTest()

describe('publishing', () => {
  test('the same message five times is one message', async () => {
    const receipts = []
    for (let i = 0; i < 5; i += 1) receipts.push(await at.world.bus.publish(PartStored, aPart(1)))
    expect(receipts.map(({ duplicate }) => duplicate)).toEqual([false, true, true, true, true])
    expect(await waiting(at, 'LIFEBOAT_FACTS')).toBe(1)
  })

  test('a message of the wrong shape never reaches the bus', async () => {
    await expect(at.world.bus.publish(PartStored, { ...aPart(1), bytes: -1 })).rejects.toThrow()
    expect(await waiting(at, 'LIFEBOAT_FACTS')).toBe(0)
  })

  test('a message carries CloudEvents attributes, and the trace of the message that led to it', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await at.world.bus.consume(drills, async () => void (await at.world.bus.publish(PartStored, aPart(1))), {
      signal: at.stop.signal,
    })
    await at.world.bus.publish(DrillRequested, aWish(), { traceparent })
    await expect.poll(() => waiting(at, 'LIFEBOAT_FACTS')).toBe(1)
    const stored = await at.world.jsm.streams.getMessage('LIFEBOAT_FACTS', { seq: 1 })
    const header = (name: string) => stored?.header.get(name)
    expect(stored?.subject).toBe('lifeboat.fact.part.stored.v1.db1')
    expect(header('ce-specversion')).toBe('1.0')
    expect(header('ce-type')).toBe('lifeboat.part.stored.v1')
    expect(header('ce-source')).toBe('/lifeboat/test')
    expect(header('ce-id')).toBe(header('Nats-Msg-Id'))
    expect(header('traceparent')).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/)
  })

  test('a publish while NATS is away waits for it and arrives once', async () => {
    await at.world.nats.stop()
    const receipt = at.world.bus.publish(PartStored, aPart(1))
    await pause(700)
    await at.world.nats.restart()
    expect(await receipt).toMatchObject({ sequence: 1 })
    await expect.poll(() => waiting(at, 'LIFEBOAT_FACTS').catch(() => undefined)).toBe(1)
  })

  test('a server that stays away is an error with a code, not an endless wait', async () => {
    const impatient = { servers: [at.world.nats.url], name: 'cli', log: silentLogger, patienceMs: 300 }
    // It may take longer than that to connect.
    await using bus = await eventually(() => connectBus(impatient))
    await at.world.nats.stop()
    await expect(bus.publish(PartStored, aPart(1))).rejects.toMatchObject({ code: 'BUS_UNREACHABLE' })
  })
})
