import { startNats } from '@lifeboat/testkit/nats.ts'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
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
