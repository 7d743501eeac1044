import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Delivery } from '../src/bus/bus.ts'
import { DrillRequested } from '../src/bus/messages/drill.ts'
import { PartStored } from '../src/bus/messages/part.ts'
import { connectBus } from '../src/bus/nats-bus.ts'
import { ACK_WAIT_MS } from '../src/bus/streams.ts'
import { LifeboatError } from '../src/errors/lifeboat-error.ts'
import { silentLogger } from '../src/log/logger.ts'
import { aPart, aWish, collector, connectAgain, drills, parts, waiting, worldPerTest } from './bus-world.ts'

const at = worldPerTest()
/** What is not handed back comes when its ack wait is over; what comes earlier than that by as much was. */
const LEAST_MS = 2_000

/**
 * How many deliveries of `parts` wait for their ack, as the server last wrote it down; it does so some ten times a second. Behind two bytes that say what the file is stand five
 * numbers: up to where all is acked (by delivery and by message), up to where it was delivered (likewise), and this one. Below 128 each is a byte.
 */
async function handedOut(storeDir: string): Promise<number | undefined> {
  const file = join(storeDir, 'jetstream/$G/streams/LIFEBOAT_FACTS/obs/parts/o.dat')
  return (await readFile(file).catch(() => undefined))?.at(6)
}

describe('consuming', () => {
  test('a handler that throws gets the message again', async () => {
    const attempts: number[] = []
    const handle = async (_data: PartStored, { attempt }: Delivery) => {
      attempts.push(attempt)
      if (attempt === 1) throw new LifeboatError('TARGET_UNREACHABLE')
    }
    await at.world.bus.consume(parts, handle, { signal: at.stop.signal })
    await at.world.bus.publish(PartStored, aPart(1))
    await expect.poll(() => attempts).toEqual([1, 2])
    await expect
      .poll(async () => (await at.world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts')).num_ack_pending)
      .toBe(0)
  })

  test('two processes share the work of one durable, each message going to one of them', async () => {
    await using other = await connectAgain(at)
    const [mine, theirs] = [collector(), collector()]
    const slowly = (to: typeof mine) => async (data: PartStored, delivery: Delivery) => {
      await pause(5)
      await to.handle(data, delivery)
    }
    await at.world.bus.consume(parts, slowly(mine), { signal: at.stop.signal })
    await other.consume(parts, slowly(theirs), { signal: at.stop.signal })
    for (let no = 0; no < 60; no += 1) await at.world.bus.publish(PartStored, aPart(no))
    await expect.poll(() => mine.got.length + theirs.got.length).toBe(60)
    expect(new Set([...mine.got, ...theirs.got]).size).toBe(60)
    expect(Math.min(mine.got.length, theirs.got.length)).toBeGreaterThan(0)
  })

  test('a consumer of one route sees no other, and a durable that begins now sees nothing older', async () => {
    await at.world.bus.publish(PartStored, aPart(1, 'db1'))
    const [routed, fresh] = [collector(), collector()]
    await at.world.bus.consume({ ...parts, route: 'db1' }, routed.handle, { signal: at.stop.signal })
    await at.world.bus.consume({ ...parts, durable: 'fresh', from: 'new' }, fresh.handle, { signal: at.stop.signal })
    await at.world.bus.publish(PartStored, aPart(2, 'db2'))
    await at.world.bus.publish(PartStored, aPart(3, 'db1'))
    await expect.poll(() => routed.got).toEqual([1, 3])
    await expect.poll(() => fresh.got).toEqual([2, 3])
  })

  test('as many handlers run at a time as asked for, and no message waits behind one of them', async () => {
    let [running, most] = [0, 0]
    const handle = async () => {
      running += 1
      most = Math.max(most, running)
      // However slowly they come.
      while (most < 3) await pause(10)
      await pause(100)
      running -= 1
    }
    for (let no = 0; no < 9; no += 1) await at.world.bus.publish(PartStored, aPart(no))
    await at.world.bus.consume({ ...parts, concurrency: 3 }, handle, { signal: at.stop.signal })
    await expect
      .poll(async () => (await at.world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts')).ack_floor.stream_seq)
      .toBe(9)
    expect(most).toBe(3)
  })

  test('stopping hands the message back at once, and another worker has it long before its ack wait is over', async () => {
    const { promise: began, resolve: begin } = Promise.withResolvers<number>()
    const busy = async (_data: DrillRequested, { signal }: Delivery) => {
      begin(performance.now())
      await once(signal, 'abort')
      throw signal.reason
    }
    const { stopped } = await at.world.bus.consume(drills, busy, { signal: at.stop.signal })
    await at.world.bus.publish(DrillRequested, aWish())
    await began
    at.stop.abort()
    await stopped
    await using other = await connectAgain(at)
    const taken = new Promise<number>((resolve) => {
      void other.consume(drills, async (_data, { attempt }) => resolve(attempt), {
        signal: new AbortController().signal,
      })
    })
    expect(await taken).toBe(2)
    expect(performance.now() - (await began)).toBeLessThan(ACK_WAIT_MS - LEAST_MS)
  })

  test('stopping hands the message back although idle workers beside it have left requests with the server', async () => {
    const { promise: began, resolve: begin } = Promise.withResolvers<number>()
    const busy = async (_data: PartStored, { signal }: Delivery) => {
      begin(performance.now())
      await once(signal, 'abort')
      throw signal.reason
    }
    const crowd = { ...parts, route: 'db1', concurrency: 4 }
    const { stopped } = await at.world.bus.consume(crowd, busy, { signal: at.stop.signal })
    await at.world.bus.publish(PartStored, aPart(1, 'db1'))
    await began
    await at.world.bus.publish(PartStored, aPart(2, 'db2'))
    at.stop.abort()
    await stopped
    // Nobody asks for a while, as between the end of one process and the start of the next.
    await pause(2_000)
    const taken = new Promise<number>((resolve) => {
      const again = async (_data: PartStored, { attempt }: Delivery) => resolve(attempt)
      void at.world.bus.consume(crowd, again, { signal: new AbortController().signal })
    })
    expect(await taken).toBe(2)
    expect(performance.now() - (await began)).toBeLessThan(ACK_WAIT_MS - LEAST_MS)
  })

  test('stopping an idle consumer leaves no request behind that would swallow the next message', async () => {
    const { stopped } = await at.world.bus.consume({ ...drills, concurrency: 4 }, async () => {}, {
      signal: at.stop.signal,
    })
    at.stop.abort()
    await stopped
    await at.world.bus.publish(DrillRequested, aWish())
    const taken = new Promise<number>((resolve) => {
      void at.world.bus.consume(drills, async (_data, { attempt }) => resolve(attempt), {
        signal: new AbortController().signal,
      })
    })
    expect(await taken).toBe(1)
  })

  test('with an abort signal of its own the bus lets handlers finish after the stop', async () => {
    const abort = new AbortController()
    await using bus = await connectBus({
      servers: [at.world.nats.url],
      name: 'graceful',
      log: silentLogger,
      abort: abort.signal,
    })
    const { promise: began, resolve: begin } = Promise.withResolvers<void>()
    let disturbed: boolean | undefined
    const { stopped } = await bus.consume(
      drills,
      async (_data, { signal }) => {
        begin()
        await pause(300)
        disturbed = signal.aborted
      },
      { signal: at.stop.signal },
    )
    await at.world.bus.publish(DrillRequested, aWish())
    await began
    at.stop.abort()
    await stopped
    expect(disturbed).toBe(false)
    expect(await waiting(at, 'LIFEBOAT_WISHES')).toBe(0)
  })

  test.for(['SIGTERM', 'SIGKILL'] as const)(
    'NATS ended by %s while messages are consumed loses none of them',
    async (signal) => {
      const { got, handle } = collector()
      const slowly = async (data: PartStored, delivery: Delivery) => {
        await pause(3)
        await handle(data, delivery)
      }
      await at.world.bus.consume({ ...parts, concurrency: 2 }, slowly, { signal: at.stop.signal })
      const published: number[] = []
      const publishing = (async () => {
        for (let no = 0; no < 150; no += 1) {
          await at.world.bus.publish(PartStored, aPart(no))
          published.push(no)
          if (no < 80) await pause(2)
        }
      })()
      await expect.poll(() => got.length).toBeGreaterThan(10)
      await at.world.nats.restart({ signal, downMs: 300 })
      await publishing
      // All but what was being handled by the two workers comes without waiting for anything.
      await expect.poll(() => new Set(got).size, { timeout: ACK_WAIT_MS - LEAST_MS }).toBeGreaterThanOrEqual(148)
      // What was being handled during the restart comes again when its ack wait is over; anything else is there by now.
      await expect.poll(() => new Set(got).size, { timeout: 2 * ACK_WAIT_MS }).toBe(150)
    },
  )

  test('an ack given while the server is away waits for it: done work does not come again', async () => {
    const got: number[] = []
    const began = Promise.withResolvers<void>()
    const away = Promise.withResolvers<void>()
    const handle = async ({ partNo }: PartStored) => {
      got.push(partNo)
      began.resolve()
      await away.promise
    }
    await at.world.bus.consume(parts, handle, { signal: at.stop.signal })
    await at.world.bus.publish(PartStored, aPart(1))
    await began.promise
    // What the server forgets in a restart that it handed it out comes again by right.
    await expect.poll(() => handedOut(at.world.nats.storeDir)).toBe(1)
    await at.world.nats.stop()
    away.resolve()
    await at.world.nats.restart({ downMs: 7_000 })
    await expect
      .poll(async () => (await at.world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts')).ack_floor.stream_seq)
      .toBe(1)
    expect(got).toEqual([1])
  })

  test('a delivery the server has forgotten keeps its worker from the next one no longer than an answer may take', async () => {
    const got: number[] = []
    const handle = async ({ partNo }: PartStored) => {
      got.push(partNo)
      if (got.length > 1) return
      // As after a crash: what was handed out since its state was last written is not known any more.
      const { config } = await at.world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts')
      await at.world.jsm.consumers.delete('LIFEBOAT_FACTS', 'parts')
      await at.world.jsm.consumers.add('LIFEBOAT_FACTS', config)
    }
    await at.world.bus.consume(parts, handle, { signal: at.stop.signal })
    await at.world.bus.publish(PartStored, aPart(1))
    await expect.poll(() => got, { timeout: ACK_WAIT_MS - LEAST_MS }).toEqual([1, 1])
  })

  test('a consumer that idled while NATS restarted has the next message at once', async () => {
    const { got, handle } = collector()
    await at.world.bus.consume(parts, handle, { signal: at.stop.signal })
    await at.world.nats.restart({ signal: 'SIGKILL' })
    await at.world.bus.publish(PartStored, aPart(1))
    // A request of before the restart would be given up after twelve seconds.
    await expect.poll(() => got, { timeout: 9_000 }).toEqual([1])
  })
})
