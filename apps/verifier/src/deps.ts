import { busLogin } from '@lifeboat/config/bus-login.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { FleetId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { type Cancels, openCancels } from '@lifeboat/shared/run/cancels.ts'
import type { Footings } from '@lifeboat/shared/service/footings.ts'
import type { Opening } from '@lifeboat/shared/service/run-service.ts'
import { openSigner, type PublicKeys, type Signer } from '@lifeboat/shared/signing/signing.ts'
import { type Clock, systemClock } from '@lifeboat/shared/time/clock.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { DrillRules, HeartbeatRules, VerifierConfig } from './config.ts'
import { type Events, verifierEvents } from './events.ts'

/** Everything the handlers may touch; tests pass the same record with parts of their own. */
export interface VerifierDeps {
  bus: Pick<Bus, 'publish' | 'consume' | 'sendProgress'>
  fleet: FleetId
  /** Names this verifier in the evidence; its signing key is known under the same name. */
  signer: Signer
  signers: PublicKeys
  targets: ReadonlyMap<TargetId, Target>
  rules: ReadonlyMap<PolicyId, DrillRules>
  /** Questions of drills with dates of their own, by name. */
  rehearsals: ReadonlyMap<PolicyId, DrillRules['assertions']>
  heartbeats: ReadonlyMap<SourceId, HeartbeatRules | 'off'>
  identity: Secret
  scratchPath: string
  keepFailedMs: number
  toolPaths: readonly string[]
  concurrency: number
  cancels: Pick<Cancels, 'of'>
  footings: Footings
  events: Events
  clock: Clock
  log: Logger
}

export async function openDeps(
  cfg: VerifierConfig,
  { log, own, signal, metrics, footings }: Opening,
): Promise<VerifierDeps & { bus: Bus }> {
  const events = verifierEvents(metrics)
  const targets = new Map<TargetId, Target>()
  for (const [id, config] of cfg.targets) {
    const observer = events.observerOf(log)
    targets.set(id, own(await openTarget(id, config, { resolveSecret: cfg.secret, log, observer })))
  }
  const bus = own(await connectBus({ ...busLogin(cfg.bus, cfg.secret), name: 'verifier', log, abort: signal }))
  const { fleet, signers, rules, rehearsals, heartbeats, identity, scratchPath, keepFailedMs, toolPaths, concurrency } =
    cfg
  return {
    ...{
      bus,
      fleet,
      signers,
      targets,
      rules,
      rehearsals,
      heartbeats,
      identity,
      scratchPath,
      keepFailedMs,
      toolPaths,
      concurrency,
    },
    signer: await openSigner(cfg.id, cfg.signingKey.reveal()),
    cancels: await openCancels(bus, { signal, log }),
    ...{ events, footings, clock: systemClock, log },
  }
}
