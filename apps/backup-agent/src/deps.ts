import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { busLogin } from '@lifeboat/config/bus-login.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { type Cancels, openCancels } from '@lifeboat/shared/run/cancels.ts'
import type { Footings } from '@lifeboat/shared/service/footings.ts'
import type { Opening } from '@lifeboat/shared/service/run-service.ts'
import { openSigner, type Signer } from '@lifeboat/shared/signing/signing.ts'
import { type Clock, systemClock } from '@lifeboat/shared/time/clock.ts'
import type { AgentConfig } from './config.ts'
import { agentEvents, type Events } from './events.ts'
import { instanceOf, leaseName, type NameLease } from './name-lease.ts'
import { openBook, type RestoreBook } from './restore/book.ts'
import { serveParts } from './spool/serve-parts.ts'
import { openSpool, type Spool } from './spool/spool.ts'
import { walMetrics } from './wal/metrics.ts'
import type { Road } from './wal/road.ts'

/** Everything the handlers may touch; closed in reverse order. */
export interface AgentDeps {
  cfg: AgentConfig
  bus: Bus
  ledger: Ledger
  cancels: Cancels
  spool: Spool
  signer: Signer
  lease: NameLease
  /** Where the spool is served. */
  port: number
  /** This agent across restarts; the ledger names it as holder of a run. */
  instance: string
  events: Events
  /** The WAL that is being kept, by source. */
  roads: Map<SourceId, Road>
  /** Targets that said that they take parts without their MD5. */
  withoutMd5: Set<TargetId>
  /** Commands of operators that were accepted, whatever became of them. */
  restores: RestoreBook
  footings: Footings
  clock: Clock
  log: Logger
}

export async function openDeps(cfg: AgentConfig, { log, own, signal, metrics, footings }: Opening): Promise<AgentDeps> {
  const { agentId } = cfg
  const signer = await openSigner(agentId, cfg.signingKey.reveal())
  const spool = own(await openSpool(cfg.spool, log), 'spool')
  metrics.gauge('lifeboat_spool_used_bytes', 'Bytes taken in the spool', () => spool.room.used)
  metrics.gauge('lifeboat_spool_max_bytes', 'Bytes the spool may take', () => cfg.spool.maxBytes)
  const instance = await instanceOf(cfg.spool.path)
  const bus = own(
    await connectBus({ ...busLogin(cfg.bus, cfg.secret), name: `backup-agent ${agentId}`, log, abort: signal }),
    'bus',
  )
  const lease = own(await leaseName(bus, agentId, instance, log), 'name of the agent')
  const { port } = own(
    await serveParts(spool, { listen: cfg.listen, token: cfg.token, log, metrics }),
    'serving of parts',
  )
  const cancels = await openCancels(bus, { signal, log })
  const ledger = await Ledger.open(bus)
  const roads = new Map<SourceId, Road>()
  walMetrics(metrics, roads)
  return {
    cfg,
    bus,
    ledger,
    cancels,
    spool,
    signer,
    lease,
    port,
    instance,
    events: agentEvents(metrics),
    roads,
    withoutMd5: new Set(),
    restores: await openBook(cfg.spool.path),
    footings,
    clock: systemClock,
    log,
  }
}
