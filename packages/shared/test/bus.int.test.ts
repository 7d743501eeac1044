import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startNats } from '@lifeboat/testkit/nats.ts'
import { nanos } from '@nats-io/nats-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DeadLetter, Delivery } from '../src/bus/bus.ts'
import { openLink } from '../src/bus/link.ts'
import { DrillRequested } from '../src/bus/messages/drill.ts'
import { PartStored } from '../src/bus/messages/part.ts'
import { RestoreAudited } from '../src/bus/messages/restore.ts'
import { connectBus } from '../src/bus/nats-bus.ts'
import { buryStrays } from '../src/bus/strays.ts'
import { ACK_WAIT_MS } from '../src/bus/streams.ts'
import { Secret } from '../src/config/secret.ts'
import { type AgentId, moment, type RestoreId } from '../src/domain/ids.ts'
import { LifeboatError } from '../src/errors/lifeboat-error.ts'
import { silentLogger } from '../src/log/logger.ts'
import { aPart, aWish, openWorld } from './bus-world.ts'

let world: Awaited<ReturnType<typeof openWorld>>
let stop: AbortController
beforeEach(async () => {
  world = await openWorld()
  stop = new AbortController()
})
afterEach(async () => {
  stop.abort()
  await world[Symbol.asyncDispose]()
})

const connectAgain = () => connectBus({ servers: [world.nats.url], name: 'other', log: silentLogger })
const parts = { type: PartStored, durable: 'parts' }
const drills = { type: DrillRequested, durable: 'verifier' }

/** Collects part numbers, and the deliveries they came with. */
function collector() {
  const got: number[] = []
  const deliveries: Delivery[] = []
  return {
    got,
    deliveries,
    handle: async ({ partNo }: PartStored, delivery: Delivery) => {
      got.push(partNo)
      deliveries.push(delivery)
    },
  }
}

async function letters(): Promise<DeadLetter[]> {
  const heard: DeadLetter[] = []
  await world.bus.consumeDeadLetters('alerter', async (letter) => void heard.push(letter), { signal: stop.signal })
  return heard
}

const waiting = async (stream: string) => (await world.jsm.streams.info(stream)).state.messages

describe('publishing', () => {
  test('the same message five times is one message', async () => {
    const receipts = []
    for (let i = 0; i < 5; i += 1) receipts.push(await world.bus.publish(PartStored, aPart(1)))
    expect(receipts.map(({ duplicate }) => duplicate)).toEqual([false, true, true, true, true])
    expect(await waiting('LIFEBOAT_FACTS')).toBe(1)
  })

  test('a message of the wrong shape never reaches the bus', async () => {
    await expect(world.bus.publish(PartStored, { ...aPart(1), bytes: -1 })).rejects.toThrow()
    expect(await waiting('LIFEBOAT_FACTS')).toBe(0)
  })

  test('a message carries CloudEvents attributes, and the trace of the message that led to it', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await world.bus.consume(drills, async () => void (await world.bus.publish(PartStored, aPart(1))), {
      signal: stop.signal,
    })
    await world.bus.publish(DrillRequested, aWish(), { traceparent })
    await expect.poll(() => waiting('LIFEBOAT_FACTS')).toBe(1)
    const stored = await world.jsm.streams.getMessage('LIFEBOAT_FACTS', { seq: 1 })
    const header = (name: string) => stored?.header.get(name)
    expect(stored?.subject).toBe('lifeboat.fact.part.stored.v1.db1')
    expect(header('ce-specversion')).toBe('1.0')
    expect(header('ce-type')).toBe('lifeboat.part.stored.v1')
    expect(header('ce-source')).toBe('/lifeboat/test')
    expect(header('ce-id')).toBe(header('Nats-Msg-Id'))
    expect(header('traceparent')).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/)
  })

  test('a publish while NATS is away waits for it and arrives once', async () => {
    await world.nats.stop()
    const receipt = world.bus.publish(PartStored, aPart(1))
    await pause(700)
    await world.nats.restart()
    expect(await receipt).toMatchObject({ sequence: 1 })
    await expect.poll(() => waiting('LIFEBOAT_FACTS').catch(() => undefined)).toBe(1)
  })

  test('a server that stays away is an error with a code, not an endless wait', async () => {
    await using bus = await connectBus({ servers: [world.nats.url], name: 'cli', log: silentLogger, patienceMs: 300 })
    await world.nats.stop()
    await expect(bus.publish(PartStored, aPart(1))).rejects.toMatchObject({ code: 'BUS_UNREACHABLE' })
  })
})

describe('consuming', () => {
  test('a handler that throws gets the message again', async () => {
    const attempts: number[] = []
    const handle = async (_data: PartStored, { attempt }: Delivery) => {
      attempts.push(attempt)
      if (attempt === 1) throw new LifeboatError('TARGET_UNREACHABLE')
    }
    await world.bus.consume(parts, handle, { signal: stop.signal })
    await world.bus.publish(PartStored, aPart(1))
    await expect.poll(() => attempts).toEqual([1, 2])
    await expect.poll(async () => (await world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts')).num_ack_pending).toBe(0)
  })

  test('two processes share the work of one durable, each message going to one of them', async () => {
    await using other = await connectAgain()
    const [mine, theirs] = [collector(), collector()]
    const slowly = (to: typeof mine) => async (data: PartStored, delivery: Delivery) => {
      await pause(5)
      await to.handle(data, delivery)
    }
    await world.bus.consume(parts, slowly(mine), { signal: stop.signal })
    await other.consume(parts, slowly(theirs), { signal: stop.signal })
    for (let no = 0; no < 60; no += 1) await world.bus.publish(PartStored, aPart(no))
    await expect.poll(() => mine.got.length + theirs.got.length).toBe(60)
    expect(new Set([...mine.got, ...theirs.got]).size).toBe(60)
    expect(Math.min(mine.got.length, theirs.got.length)).toBeGreaterThan(0)
  })

  test('a consumer of one route sees no other, and a durable that begins now sees nothing older', async () => {
    await world.bus.publish(PartStored, aPart(1, 'db1'))
    const [routed, fresh] = [collector(), collector()]
    await world.bus.consume({ ...parts, route: 'db1' }, routed.handle, { signal: stop.signal })
    await world.bus.consume({ ...parts, durable: 'fresh', from: 'new' }, fresh.handle, { signal: stop.signal })
    await world.bus.publish(PartStored, aPart(2, 'db2'))
    await world.bus.publish(PartStored, aPart(3, 'db1'))
    await expect.poll(() => routed.got).toEqual([1, 3])
    await expect.poll(() => fresh.got).toEqual([2, 3])
  })

  test('as many handlers run at a time as asked for, and no message waits behind one of them', async () => {
    let [running, most] = [0, 0]
    const handle = async () => {
      running += 1
      most = Math.max(most, running)
      await pause(100)
      running -= 1
    }
    for (let no = 0; no < 9; no += 1) await world.bus.publish(PartStored, aPart(no))
    await world.bus.consume({ ...parts, concurrency: 3 }, handle, { signal: stop.signal })
    await expect
      .poll(async () => (await world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts')).ack_floor.stream_seq)
      .toBe(9)
    expect(most).toBe(3)
  })

  test('stopping hands the message back at once, and another worker has it long before its ack wait is over', async () => {
    const { promise: began, resolve: begin } = Promise.withResolvers<void>()
    const busy = async (_data: DrillRequested, { signal }: Delivery) => {
      begin()
      await once(signal, 'abort')
      throw signal.reason
    }
    const { stopped } = await world.bus.consume(drills, busy, { signal: stop.signal })
    await world.bus.publish(DrillRequested, aWish())
    await began
    const stoppedAt = performance.now()
    stop.abort()
    await stopped
    await using other = await connectAgain()
    const taken = new Promise<number>((resolve) => {
      void other.consume(drills, async (_data, { attempt }) => resolve(attempt), {
        signal: new AbortController().signal,
      })
    })
    expect(await taken).toBe(2)
    expect(performance.now() - stoppedAt).toBeLessThan(ACK_WAIT_MS / 2)
  })

  test('stopping hands the message back although idle workers beside it have left requests with the server', async () => {
    const { promise: began, resolve: begin } = Promise.withResolvers<void>()
    const busy = async (_data: PartStored, { signal }: Delivery) => {
      begin()
      await once(signal, 'abort')
      throw signal.reason
    }
    const crowd = { ...parts, route: 'db1', concurrency: 4 }
    const { stopped } = await world.bus.consume(crowd, busy, { signal: stop.signal })
    await world.bus.publish(PartStored, aPart(1, 'db1'))
    await began
    await world.bus.publish(PartStored, aPart(2, 'db2'))
    stop.abort()
    await stopped
    // Nobody asks for a while, as between the end of one process and the start of the next.
    await pause(2_000)
    const askedAt = performance.now()
    const taken = new Promise<number>((resolve) => {
      const again = async (_data: PartStored, { attempt }: Delivery) => resolve(attempt)
      void world.bus.consume(crowd, again, { signal: new AbortController().signal })
    })
    expect(await taken).toBe(2)
    expect(performance.now() - askedAt).toBeLessThan(ACK_WAIT_MS / 2)
  })

  test('stopping an idle consumer leaves no request behind that would swallow the next message', async () => {
    const { stopped } = await world.bus.consume({ ...drills, concurrency: 4 }, async () => {}, { signal: stop.signal })
    stop.abort()
    await stopped
    await world.bus.publish(DrillRequested, aWish())
    const taken = new Promise<number>((resolve) => {
      void world.bus.consume(drills, async (_data, { attempt }) => resolve(attempt), {
        signal: new AbortController().signal,
      })
    })
    expect(await taken).toBe(1)
  })

  test('with an abort signal of its own the bus lets handlers finish after the stop', async () => {
    const abort = new AbortController()
    await using bus = await connectBus({
      servers: [world.nats.url],
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
      { signal: stop.signal },
    )
    await world.bus.publish(DrillRequested, aWish())
    await began
    stop.abort()
    await stopped
    expect(disturbed).toBe(false)
    expect(await waiting('LIFEBOAT_WISHES')).toBe(0)
  })

  test.for(['SIGTERM', 'SIGKILL'] as const)(
    'NATS ended by %s while messages are consumed loses none of them',
    async (signal) => {
      const { got, handle } = collector()
      const slowly = async (data: PartStored, delivery: Delivery) => {
        await pause(3)
        await handle(data, delivery)
      }
      await world.bus.consume({ ...parts, concurrency: 2 }, slowly, { signal: stop.signal })
      const published: number[] = []
      const publishing = (async () => {
        for (let no = 0; no < 150; no += 1) {
          await world.bus.publish(PartStored, aPart(no))
          published.push(no)
          if (no < 80) await pause(2)
        }
      })()
      await expect.poll(() => got.length).toBeGreaterThan(10)
      await world.nats.restart({ signal, downMs: 300 })
      await publishing
      // All but what was being handled by the two workers comes without waiting for anything.
      await expect.poll(() => new Set(got).size, { timeout: ACK_WAIT_MS / 2 }).toBeGreaterThanOrEqual(148)
      // What was being handled during the restart comes again when its ack wait is over; anything else is there by now.
      await expect.poll(() => new Set(got).size, { timeout: 2 * ACK_WAIT_MS }).toBe(150)
    },
  )

  test('a consumer that idled while NATS restarted has the next message at once', async () => {
    const { got, handle } = collector()
    await world.bus.consume(parts, handle, { signal: stop.signal })
    await world.nats.restart({ signal: 'SIGKILL' })
    await world.bus.publish(PartStored, aPart(1))
    // A request of before the restart would be given up after twelve seconds.
    await expect.poll(() => got, { timeout: 9_000 }).toEqual([1])
  })
})

describe('a dead letter', () => {
  test('is written for a message a handler refuses for good, which then is gone', async () => {
    const heard = await letters()
    let calls = 0
    const refuse = async () => {
      calls += 1
      throw new LifeboatError('SOURCE_UNKNOWN', { sourceId: 'nobody' })
    }
    await world.bus.consume(drills, refuse, { signal: stop.signal })
    await world.bus.publish(DrillRequested, aWish())
    await expect.poll(() => heard).toHaveLength(1)
    expect(heard[0]).toMatchObject({
      subject: 'lifeboat.wish.drill.requested.v1.all',
      error: { code: 'SOURCE_UNKNOWN', facts: { sourceId: 'nobody' } },
      deliveries: 1,
      consumer: 'verifier',
    })
    expect(JSON.parse(heard[0]?.excerpt ?? '')).toEqual(aWish())
    await expect.poll(() => waiting('LIFEBOAT_WISHES')).toBe(0)
    expect(calls).toBe(1)
  })

  test('is written for what a stranger puts on a subject: no JSON, or another shape', async () => {
    const heard = await letters()
    const { got, handle } = collector()
    await world.bus.consume(parts, handle, { signal: stop.signal })
    world.nc.publish('lifeboat.fact.part.stored.v1.db1', '{"oops')
    world.nc.publish('lifeboat.fact.part.stored.v1.db1', '{"partNo":"one"}')
    await world.bus.publish(PartStored, aPart(3))
    await expect.poll(() => heard).toHaveLength(2)
    expect(heard.map(({ error }) => error.code)).toEqual(['BUS_BAD_MESSAGE', 'BUS_BAD_MESSAGE'])
    await expect.poll(() => got).toEqual([3])
  })

  test('is written when the worker died at every delivery, and the wish leaves the queue', async () => {
    const heard = await letters()
    const workers = [await dyingWorker(), await dyingWorker()]
    await world.jsm.consumers.update('LIFEBOAT_WISHES', 'mortal', { ack_wait: nanos(300) })
    await world.bus.publish(DrillRequested, aWish())
    await Promise.all(workers.map(({ exit }) => exit))
    // The ack wait of the last delivery; what follows would prolong it.
    await pause(1_500)
    let handled = 0
    const fresh = { ...drills, durable: 'mortal', maxDeliver: 2 }
    await world.bus.consume(fresh, async () => void handled++, { signal: stop.signal })
    await expect.poll(() => heard).toHaveLength(1)
    expect(heard[0]).toMatchObject({ error: { code: 'BUS_DELIVERIES_EXHAUSTED' }, deliveries: 2, consumer: 'mortal' })
    expect(JSON.parse(heard[0]?.excerpt ?? '')).toEqual(aWish())
    await expect.poll(() => waiting('LIFEBOAT_WISHES')).toBe(0)
    expect(handled).toBe(0)
  })

  test('is written for a wish of an unknown version that nobody asks for, once it waited a while', async () => {
    const heard = await letters()
    await using link = asDisposable(await openLink({ servers: [world.nats.url], name: 'test', log: silentLogger }))
    world.nc.publish('lifeboat.wish.drill.requested.v7.all', '{"future":true}')
    await world.nc.flush()
    expect(await buryStrays(link.value, Date.now())).toBe(0)
    expect(await buryStrays(link.value, Date.now() + 120_000)).toBe(1)
    await expect.poll(() => heard).toHaveLength(1)
    expect(heard[0]).toMatchObject({
      subject: 'lifeboat.wish.drill.requested.v7.all',
      error: { code: 'BUS_BAD_MESSAGE' },
    })
    expect(await waiting('LIFEBOAT_WISHES')).toBe(0)
  })

  test('is not written for a wish whose newer version somebody consumes, nor for a known one nobody consumes yet', async () => {
    await using link = asDisposable(await openLink({ servers: [world.nats.url], name: 'test', log: silentLogger }))
    const newer = { durable_name: 'newer', filter_subject: 'lifeboat.wish.drill.requested.v7.*' }
    await world.jsm.consumers.add('LIFEBOAT_WISHES', { ...newer, ack_policy: 'explicit' })
    world.nc.publish('lifeboat.wish.drill.requested.v7.all', '{}')
    await world.bus.publish(DrillRequested, aWish())
    expect(await buryStrays(link.value, Date.now() + 120_000)).toBe(0)
    expect(await waiting('LIFEBOAT_WISHES')).toBe(2)
  })

  test('that could not be handled comes again', async () => {
    let attempts = 0
    await world.bus.consumeDeadLetters(
      'alerter',
      async () => {
        attempts += 1
        if (attempts === 1) throw new LifeboatError('BUS_UNREACHABLE')
      },
      { signal: stop.signal },
    )
    const refuse = () => Promise.reject(new LifeboatError('SOURCE_UNKNOWN'))
    await world.bus.consume(drills, refuse, { signal: stop.signal })
    await world.bus.publish(DrillRequested, aWish())
    await expect.poll(() => attempts).toBe(2)
  })
})

describe('connecting', () => {
  test('brings drifted streams and durables back to their settings, and keeps what they hold', async () => {
    await world.bus.consume(parts, async () => {}, { signal: stop.signal })
    await world.bus.publish(PartStored, aPart(1))
    stop.abort()
    const before = (await world.jsm.streams.info('LIFEBOAT_FACTS')).config
    await world.jsm.streams.update('LIFEBOAT_FACTS', {
      ...before,
      max_age: nanos(3 * 3_600_000),
      max_msg_size: 500_000,
    })
    await world.jsm.consumers.update('LIFEBOAT_FACTS', 'parts', { ack_wait: nanos(5_000), max_ack_pending: 7 })
    await using bus = await connectAgain()
    await bus.consume(parts, async () => {}, { signal: AbortSignal.timeout(10) })
    const stream = await world.jsm.streams.info('LIFEBOAT_FACTS')
    expect(stream.config.max_age).toBe(before.max_age)
    expect(stream.config.max_msg_size).toBe(500_000)
    expect(stream.state.messages).toBe(1)
    const { config } = await world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts')
    expect(config).toMatchObject({ ack_wait: nanos(30_000), max_ack_pending: 50_000 })
  })

  test('says so when a stream of that name cannot be what it must be', async () => {
    await world.jsm.streams.delete('LIFEBOAT_WISHES')
    await world.jsm.streams.add({ name: 'LIFEBOAT_WISHES', subjects: ['lifeboat.wish.>'] })
    await expect(connectAgain()).rejects.toMatchObject({
      code: 'BUS_SETTINGS_REFUSED',
      facts: { stream: 'LIFEBOAT_WISHES' },
    })
  })

  test('is refused with a code of its own when the password is wrong', async () => {
    await using locked = await startNats({ args: ['--user', 'lifeboat', '--pass', 'right'] })
    const connection = (password: string) =>
      connectBus({
        servers: [locked.url],
        user: 'lifeboat',
        password: new Secret(password),
        name: 't',
        log: silentLogger,
      })
    await expect(connection('wrong')).rejects.toMatchObject({ code: 'BUS_AUTH_REFUSED' })
    await using bus = await connection('right')
    expect(await bus.ping()).toBeGreaterThan(0)
  })

  test('gives up with a code when no server answers within its patience', async () => {
    const connection = connectBus({ servers: ['nats://127.0.0.1:1'], name: 't', log: silentLogger, patienceMs: 100 })
    await expect(connection).rejects.toMatchObject({ code: 'BUS_UNREACHABLE' })
  })

  test('recreates durable and stream when the server lost everything', async () => {
    const { got, handle } = collector()
    await world.bus.consume(parts, handle, { signal: stop.signal })
    await expect.poll(async () => (await world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts')).num_waiting).toBe(1)
    await world.jsm.streams.delete('LIFEBOAT_FACTS')
    await expect.poll(() => world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts').catch(() => undefined)).toBeDefined()
    await world.bus.publish(PartStored, aPart(1))
    await expect.poll(() => got).toEqual([1])
  })
})

async function dyingWorker(): Promise<{ exit: Promise<unknown> }> {
  const file = fileURLToPath(new URL('fixtures/dying-worker.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [file], {
    env: { PATH: process.env.PATH, NATS_URL: world.nats.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  if (child.stdout) await once(child.stdout, 'data')
  return { exit }
}

function asDisposable(value: Awaited<ReturnType<typeof openLink>>) {
  return { value, [Symbol.asyncDispose]: () => value.nc.close() }
}

test('the audit refuses to forget: nobody who asks the server can change or remove what is in it', async () => {
  await world.bus.publish(RestoreAudited, {
    ...{ restoreId: '20261128T020000Z-restore-k3f9qa' as RestoreId, agentId: 'db1' as AgentId, event: 'refused' },
    ...{ at: moment(Date.now()), who: [] },
  })
  await expect(world.jsm.streams.purge('LIFEBOAT_AUDIT')).rejects.toThrow(/not permitted/)
  await expect(world.jsm.streams.deleteMessage('LIFEBOAT_AUDIT', 1)).rejects.toThrow(/not permitted/)
  await expect(world.jsm.streams.update('LIFEBOAT_AUDIT', { deny_delete: false })).rejects.toThrow()
  expect(await waiting('LIFEBOAT_AUDIT')).toBe(1)
})
