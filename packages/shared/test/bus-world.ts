import { startNats } from '@lifeboat/testkit/nats.ts'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterEach, beforeEach } from 'vitest'
import type { Bus, DeadLetter, Delivery } from '../src/bus/bus.ts'
import { DrillRequested } from '../src/bus/messages/drill.ts'
import { PartStored } from '../src/bus/messages/part.ts'
import { connectBus } from '../src/bus/nats-bus.ts'
import { silentLogger } from '../src/log/logger.ts'

/** A server, a bus on it, and the raw client for what an operator or a stranger might do. */
export async function openWorld() {
  const nats = await startNats()
  const bus = await connectBus({ servers: [nats.url], name: 'test', log: silentLogger })
  const nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
  const jsm: JetStreamManager = await jetstreamManager(nc)
  return {
    nats,
    bus,
    nc,
    jsm,
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]()
      await nc.close()
      await nats[Symbol.asyncDispose]()
    },
  }
}

/** A world of its own for each test of a file, and a signal that fires at the end of it. */
export function worldPerTest(): { world: Awaited<ReturnType<typeof openWorld>>; stop: AbortController } {
  const at = {} as ReturnType<typeof worldPerTest>
  beforeEach(async () => {
    at.world = await openWorld()
    at.stop = new AbortController()
  })
  afterEach(async () => {
    at.stop.abort()
    await at.world[Symbol.asyncDispose]()
  })
  return at
}

type At = ReturnType<typeof worldPerTest>

export const parts = { type: PartStored, durable: 'parts' }
export const drills = { type: DrillRequested, durable: 'verifier' }

/** A second process on the same server. */
export function connectAgain({ world }: At): Promise<Bus> {
  return connectBus({ servers: [world.nats.url], name: 'other', log: silentLogger })
}

/** What a stranger puts on a subject, and is in its stream when this resolves. */
export async function strangely({ nc }: At['world'], subject: string, text: string): Promise<void> {
  await nc.request(subject, text, { timeout: 120_000 })
}

/** Messages a stream holds. */
export async function waiting({ world }: At, stream: string): Promise<number> {
  return (await world.jsm.streams.info(stream)).state.messages
}

/** Dead letters from now on, as they come. */
export async function letters({ world, stop }: At): Promise<DeadLetter[]> {
  const heard: DeadLetter[] = []
  await world.bus.consumeDeadLetters('alerter', async (letter) => void heard.push(letter), { signal: stop.signal })
  return heard
}

/** Collects part numbers, and the deliveries they came with. */
export function collector() {
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

export function aPart(partNo: number, agentId = 'db1'): PartStored {
  return PartStored.schema.parse({
    backupId: '20260926T020000Z-dump-k3f9qa',
    sourceId: 'records',
    agentId,
    artifact: 'db.dump.age',
    partNo,
    targetId: 'aws',
    bytes: 1,
    durationMs: 1,
  })
}

export function aWish(no = 1): DrillRequested {
  return DrillRequested.schema.parse({
    runId: `drill.${no}`,
    backupId: '20260926T020000Z-dump-k3f9qa',
    sourceId: 'records',
    policyId: 'daily',
    kind: 'dump',
    targetId: 'aws',
    requestedBy: 'operator',
    requestedAt: '2026-09-26T02:00:00.000Z',
  })
}
