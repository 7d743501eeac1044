import type { Env } from '@lifeboat/config/config-path.ts'
import { keepingOf, removersOf, spreadOf } from '@lifeboat/config/keeping.ts'
import { readServiceConfig } from '@lifeboat/config/read-config.ts'
import type { BusConfig } from '@lifeboat/config/schema/bus.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { ExpirySettings, Promised, Spread } from './deps.ts'
import { type DrillPlan, drillPlansOf, type Plan, plansOf } from './plans.ts'

/** What the scheduler reads of lifeboat.yaml: when, what, and for whom; no secret but that of the bus. */
export interface SchedulerConfig {
  bus: BusConfig
  plans: Plan[]
  drillPlans: DrillPlan[]
  promises: Readonly<Record<SourceId, Promised>>
  expiry: ExpirySettings
  spread: Spread
  /** host:port */
  health: string | undefined
  secret: (ref: SecretRef) => Secret
  /** Milliseconds between two looks at the clock: how late a run starts at most. */
  tickMs: number
}

const TICK_MS = 1_000

/** @throws LifeboatError CONFIG_UNREADABLE | CONFIG_INVALID | CONFIG_SECRET_MISSING */
export async function readSchedulerConfig(from: { env: Env; cwd: string }): Promise<SchedulerConfig> {
  const { config, secret } = await readServiceConfig('scheduler', from)
  const { bus, objectives: promises, scheduler } = config
  const { auto, schedule, undelete } = config.expiry
  const expiry = { keeping: keepingOf(config), targets: removersOf(config), auto, schedule, undeleteMs: undelete }
  const spread = spreadOf(config)
  return {
    bus,
    plans: plansOf(config),
    drillPlans: drillPlansOf(config),
    promises,
    expiry,
    spread,
    health: scheduler.health,
    secret,
    tickMs: TICK_MS,
  }
}
