import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { busLogin } from '@lifeboat/config/bus-login.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { type Cancels, openCancels } from '@lifeboat/shared/run/cancels.ts'
import type { Opening } from '@lifeboat/shared/service/run-service.ts'
import { openSigner, type Signer } from '@lifeboat/shared/signing/signing.ts'
import { type Clock, systemClock } from '@lifeboat/shared/time/clock.ts'
import type { AgentConfig } from './config.ts'
import { agentEvents, type Events } from './events.ts'
import { instanceOf, leaseName, type NameLease } from './name-lease.ts'
import { serveParts } from './spool/serve-parts.ts'
import { openSpool, type Spool } from './spool/spool.ts'

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
  clock: Clock
  log: Logger
}

export async function openDeps(cfg: AgentConfig, { log, own, signal, metrics }: Opening): Promise<AgentDeps> {
  const { agentId } = cfg
  const signer = await openSigner(agentId, cfg.signingKey.reveal())
  const spool = own(await openSpool(cfg.spool, log))
  metrics.gauge('lifeboat_spool_used_bytes', 'Bytes taken in the spool', () => spool.room.used)
  metrics.gauge('lifeboat_spool_max_bytes', 'Bytes the spool may take', () => cfg.spool.maxBytes)
  const instance = await instanceOf(cfg.spool.path)
  const bus = own(
    await connectBus({ ...busLogin(cfg.bus, cfg.secret), name: `backup-agent ${agentId}`, log, abort: signal }),
  )
  const lease = own(await leaseName(bus, agentId, instance, log))
  const { port } = own(await serveParts(spool, { listen: cfg.listen, token: cfg.token, log, metrics }))
  const cancels = await openCancels(bus, { signal, log })
  const ledger = await Ledger.open(bus)
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
    clock: systemClock,
    log,
  }
}
