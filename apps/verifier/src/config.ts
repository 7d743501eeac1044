import type { Env } from '@lifeboat/config/config-path.ts'
import { readServiceConfig } from '@lifeboat/config/read-config.ts'
import type { BusConfig } from '@lifeboat/config/schema/bus.ts'
import { type PolicyConfig, PolicySection } from '@lifeboat/config/schema/policy.ts'
import type { WalConfig } from '@lifeboat/config/schema/wal.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { FleetId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { PublicKeys } from '@lifeboat/shared/signing/signing.ts'
import type { TargetConfig } from '@lifeboat/storage/target-config.ts'

/** What a policy says about drills. */
export interface DrillRules extends Pick<PolicyConfig['drill'], 'amcheck' | 'keepFailed' | 'assertions' | 'files'> {
  maxDurationMs: number
  /** The bound the agent fingerprints with: larger tables were counted only. */
  hashTablesUpToBytes: number
}

/** How the source tells the time in its own database. */
export interface HeartbeatRules {
  schema: string
  everyMs: number
}

/** What the verifier reads of lifeboat.yaml. It alone gets the identity that decrypts. */
export interface VerifierConfig {
  fleet: FleetId
  bus: BusConfig
  id: string
  identity: Secret
  signingKey: Secret
  signers: PublicKeys
  targets: ReadonlyMap<TargetId, TargetConfig>
  rules: ReadonlyMap<PolicyId, DrillRules>
  /** Questions of drills with dates of their own, by name. */
  rehearsals: ReadonlyMap<PolicyId, DrillRules['assertions']>
  /** Of sources whose WAL is kept, as far as this configuration says so. */
  heartbeats: ReadonlyMap<SourceId, HeartbeatRules | 'off'>
  scratchPath: string
  keepFailedMs: number
  toolPaths: readonly string[]
  /** Drills at the same time. */
  concurrency: number
  health: string | undefined
  secret: (ref: SecretRef) => Secret
}

/** @throws LifeboatError CONFIG_UNREADABLE | CONFIG_INVALID | CONFIG_SECRET_MISSING */
export async function readVerifierConfig(from: { env: Env; cwd: string }): Promise<VerifierConfig> {
  const { config, secret } = await readServiceConfig('verifier', from)
  const { verifier } = config
  return {
    fleet: config.fleet,
    bus: config.bus,
    id: verifier.id,
    identity: secret(verifier.identity),
    signingKey: secret(verifier.signingKey),
    signers: config.signers,
    targets: new Map(Object.entries(config.targets) as [TargetId, TargetConfig][]),
    rules: new Map(Object.entries(config.policies).map(([id, policy]) => [id as PolicyId, rulesOf(policy)])),
    rehearsals: new Map(Object.entries(config.drills).map(([id, { assertions }]) => [id as PolicyId, assertions])),
    heartbeats: heartbeatsOf(config.wal),
    scratchPath: verifier.scratchPath,
    keepFailedMs: verifier.keepFailedFor,
    toolPaths: verifier.toolPaths,
    concurrency: verifier.concurrency,
    health: verifier.health,
    secret,
  }
}

function heartbeatsOf(wal: Readonly<Record<string, WalConfig>>): ReadonlyMap<SourceId, HeartbeatRules | 'off'> {
  return new Map(
    Object.entries(wal).map(
      ([
        id,
        {
          heartbeat: { enabled, schema, every },
        },
      ]) => [id as SourceId, enabled ? { schema, everyMs: every } : 'off'],
    ),
  )
}

function rulesOf({ drill, fingerprint }: Pick<PolicyConfig, 'drill' | 'fingerprint'>): DrillRules {
  const { amcheck, keepFailed, assertions, files, maxDuration } = drill
  return {
    amcheck,
    keepFailed,
    assertions,
    files,
    maxDurationMs: maxDuration,
    hashTablesUpToBytes: fingerprint.hashTablesUpTo,
  }
}

/** For a backup whose policy is no longer configured: it deserves a drill all the same. */
export const DEFAULT_RULES: DrillRules = rulesOf({
  drill: PolicySection.shape.drill.parse(undefined),
  fingerprint: PolicySection.shape.fingerprint.parse(undefined),
})
