import type { Env } from '@lifeboat/config/config-path.ts'
import { keepRules } from '@lifeboat/config/keeping.ts'
import { readServiceConfig } from '@lifeboat/config/read-config.ts'
import type { BusConfig } from '@lifeboat/config/schema/bus.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { AgentId, FleetId, PolicyId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { TargetConfig } from '@lifeboat/storage/target-config.ts'

/** What the uploader reads of lifeboat.yaml. It gets tokens and bucket credentials; no encryption or signing key is among them. */
export interface UploaderConfig {
  fleet: FleetId
  bus: BusConfig
  agents: ReadonlyMap<AgentId, AgentAccess>
  targets: ReadonlyMap<TargetId, TargetConfig>
  /** Parts in flight per target. */
  concurrency: number
  /** Share of the bytes of a target that is read back each day. */
  deepRead: number
  /** How long a copy stays hidden before its bytes may go, milliseconds. */
  undeleteMs: number
  /** How old copies of a policy must be at a target before they may go, milliseconds; undefined: the policy has no rules here, and all of it stays. */
  minAgeOf: (policyId: PolicyId, targetId: TargetId) => number | undefined
  /** host:port */
  health: string | undefined
  /** host:port where restoring agents read copies; undefined: nowhere. */
  lend: string | undefined
  secret: (ref: SecretRef) => Secret
  /** An agent or target that says nothing for this long is given up on; the message is tried again later. */
  silenceMs: number
}

/** The address is ours, never the one a message names: the token goes to no other host. */
export interface AgentAccess {
  url: string
  token: Secret
  /** Where its spool lies on its own host, which may be this one. */
  spoolPath?: string
}

const SILENCE_MS = 60_000

/** @throws LifeboatError CONFIG_UNREADABLE | CONFIG_INVALID | CONFIG_SECRET_MISSING */
export async function readUploaderConfig(from: { env: Env; cwd: string }): Promise<UploaderConfig> {
  const { config, secret } = await readServiceConfig('uploader', from)
  const agents = Object.entries(config.agents).map(
    ([id, { url, token, spool }]) => [id as AgentId, { url, token: secret(token), spoolPath: spool.path }] as const,
  )
  return {
    fleet: config.fleet,
    bus: config.bus,
    agents: new Map(agents),
    targets: new Map(Object.entries(config.targets) as [TargetId, TargetConfig][]),
    concurrency: config.uploader.concurrency,
    deepRead: config.audit.deepRead,
    undeleteMs: config.expiry.undelete,
    minAgeOf: (policyId, targetId) => keepRules(config.policies, policyId, targetId)?.minAge,
    health: config.uploader.health,
    lend: config.uploader.lend,
    secret,
    silenceMs: SILENCE_MS,
  }
}
