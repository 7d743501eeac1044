import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { PartSealed } from '@lifeboat/shared/bus/messages/part.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { AgentId, FleetId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { Footings } from '@lifeboat/shared/service/footings.ts'
import { createMetrics } from '@lifeboat/shared/service/metrics.ts'
import { systemClock } from '@lifeboat/shared/time/clock.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { factsThat, whenFacts } from '@lifeboat/testkit/facts.ts'
import { type NatsServer, startNats } from '@lifeboat/testkit/nats.ts'
import { agentSpools } from '../../src/agent-spools.ts'
import { type Lane, openBuckets, type UploaderDeps } from '../../src/deps.ts'
import { uploaderEvents } from '../../src/events.ts'
import { openGate } from '../../src/gate.ts'
import { partSource } from '../../src/part-source.ts'
import { PartsUnderWay } from '../../src/parts-under-way.ts'
import { startWork } from '../../src/service.ts'
import type { SpooledBackup } from './backup.ts'
import { type Spool, startSpool } from './spool.ts'

export const FLEET = 'acme' as FleetId
const AT_LEISURE_MS = 240_000

/** A bus, a spool, and uploaders in this process. */
export interface Fleet extends AsyncDisposable {
  nats: NatsServer
  bus: Bus
  spool: Spool
  /** Targets that were taken for away. */
  wereAway: ReadonlySet<string>
  /** Starts an uploader with a connection and connections to its targets of its own. It does what it is asked for and looks at nothing by the clock. */
  uploader(
    targets: readonly Target[],
    opts?: { mayRemove?: boolean } & Partial<Pick<UploaderDeps, 'concurrency' | 'undeleteMs' | 'minAgeOf' | 'clock'>>,
  ): Promise<UploaderDeps>
  /** What the agent would say of a backup, the seal last. */
  announce(backup: SpooledBackup): Promise<void>
  /** The facts of one type so far. */
  facts<T>(type: MessageType<T>): Promise<T[]>
  /** Waits until there are so many. */
  whenFacts<T>(type: MessageType<T>, count: number): Promise<T[]>
}

export async function startFleet(): Promise<Fleet> {
  const stack = new AsyncDisposableStack()
  const nats = stack.use(await startNats())
  const spool = stack.use(await startSpool())
  const connect = async (name: string) => stack.use(await connectBus({ servers: [nats.url], name, log: silentLogger }))
  const bus = await connect('test')
  const wereAway = new Set<string>()
  const note = (facts: { event?: string; targetId?: string }) => {
    if (facts.event === 'target.away') wereAway.add(String(facts.targetId))
  }
  const log = { ...silentLogger, warn: note } as typeof silentLogger
  return {
    nats,
    bus,
    spool,
    wereAway,
    async uploader(targets, { mayRemove = false, ...opts } = {}) {
      const { concurrency = 4, undeleteMs = 0, minAgeOf = () => 0, clock = systemClock } = opts
      const access = { url: spool.url, token: new Secret(spool.token) }
      // However slow the machine is, the agent counts as away only where a test says so.
      const patience = { silenceMs: AT_LEISURE_MS, connectMs: AT_LEISURE_MS, slowMs: AT_LEISURE_MS }
      const spools = stack.use(agentSpools(new Map([['db1' as AgentId, access]]), patience))
      const lanes = targets.map((target) => ({ ...laneOf(target, log), ...(mayRemove && { remover: target }) }))
      const own = await connect('uploader')
      const deps: UploaderDeps = {
        ...{
          bus: own,
          ...(await openBuckets(own)),
          fleet: FLEET,
          lanes,
          parts: partSource(spools, lanes),
          concurrency,
          deepRead: 0,
          undeleteMs,
          minAgeOf,
        },
        ...{
          events: uploaderEvents(createMetrics('uploader')),
          footings: new Footings(),
          clock,
          log: silentLogger,
        },
      }
      const stopping = new AbortController()
      stack.defer(() => stopping.abort())
      await startWork(deps, stopping.signal)
      return deps
    },
    async announce({ parts, sealed }) {
      for (const part of parts) await bus.publish(PartSealed, part)
      await bus.publish(BackupSealed, sealed)
    },
    facts: (type) => factsThat(bus, type),
    whenFacts: (type, count) => whenFacts(bus, type, () => true, { count }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** A target that is known to nobody yet, and is asked again soon when it is away. */
export function laneOf(target: Target, log = silentLogger): Lane {
  const gate = openGate(target.id, log, { firstMs: 50, longestMs: 200 })
  return { target, looks: target, gate, underWay: new PartsUnderWay(), unreadable: new Map() }
}
