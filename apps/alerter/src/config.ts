import { readFile } from 'node:fs/promises'
import type { HeldIdentity } from '@lifeboat/catalog/keys/judge-keys.ts'
import type { Env } from '@lifeboat/config/config-path.ts'
import { heldIdentities } from '@lifeboat/config/held-identities.ts'
import type { LifeboatConfig } from '@lifeboat/config/lifeboat-config.ts'
import { readServiceConfig } from '@lifeboat/config/read-config.ts'
import type { AlertingConfig } from '@lifeboat/config/schema/alerting.ts'
import type { BusConfig } from '@lifeboat/config/schema/bus.ts'
import { leastBytes } from '@lifeboat/config/schema/policy.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { PolicyId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { EmailOptions } from './channels/email.ts'
import type { Promised } from './deps.ts'
import type { ExpirySchedule, WatchedDrill, WatchedFooting, WatchedPlan, WatchedService, WatchedWal } from './world.ts'

/** What the alerter reads of lifeboat.yaml: what is promised, who must be there, and how to reach people. */
export interface AlerterConfig {
  fleet: string
  bus: BusConfig
  plans: WatchedPlan[]
  drills: WatchedDrill[]
  services: Omit<WatchedService, 'lastSeenMs'>[]
  watchedFootings: WatchedFooting[]
  wal: WatchedWal[]
  promises: Readonly<Record<SourceId, Promised>>
  identities: HeldIdentity[]
  expirySchedule: ExpirySchedule | undefined
  email: EmailOptions
  to: string[]
  repeatMs: number
  dashboard: string | undefined
  deadManUrl: string | undefined
  /** host:port */
  health: string | undefined
  secret: (ref: SecretRef) => Secret
  /** Milliseconds between two looks: how late an incident opens at most. */
  roundMs: number
}

const ROUND_MS = 5_000
/** A drill may wait for a night's worth of others before its backup counts as unproven. */
const PROVE_WITHIN_MS = 24 * 3_600_000

/** @throws LifeboatError CONFIG_UNREADABLE | CONFIG_INVALID | CONFIG_SECRET_MISSING */
export async function readAlerterConfig(from: { env: Env; cwd: string }): Promise<AlerterConfig> {
  const { config, path, secret } = await readServiceConfig('alerter', from)
  const { alerting } = config
  if (alerting === undefined)
    throw new LifeboatError('CONFIG_INVALID', {
      path,
      problems: ['alerting: is missing; an alerter must know whom to tell'],
    })
  return {
    fleet: config.fleet,
    bus: config.bus,
    plans: plansOf(config),
    drills: drillsOf(config),
    services: servicesOf(config),
    watchedFootings: watchedFootingsOf(config),
    wal: walOf(config),
    promises: config.objectives,
    identities: heldIdentities(config.encryption),
    expirySchedule: config.expiry.schedule,
    email: await emailOf(alerting.email, secret),
    to: alerting.email.to,
    repeatMs: alerting.repeat,
    dashboard: alerting.dashboard,
    deadManUrl: alerting.deadMan,
    health: alerting.health,
    secret,
    roundMs: ROUND_MS,
  }
}

function plansOf({ policies }: Pick<LifeboatConfig, 'policies'>): WatchedPlan[] {
  return Object.entries(policies).flatMap(([policyId, policy]) =>
    policy.sources.map((sourceId) => ({
      policyId: policyId as PolicyId,
      sourceId,
      kind: policy.kind,
      maxChain: policy.base.maxChain,
      graceMs: policy.grace,
      targets: policy.targets,
      size: { ...policy.size, min: leastBytes(policy) },
      ...(policy.set && { setId: policy.set.setId }),
      proveWithinMs: Math.max(PROVE_WITHIN_MS, 2 * policy.drill.maxDuration),
    })),
  )
}

function drillsOf({ drills }: Pick<LifeboatConfig, 'drills'>): WatchedDrill[] {
  return (Object.entries(drills) as [PolicyId, LifeboatConfig['drills'][PolicyId]][]).flatMap(
    ([policyId, { sources }]) => sources.map((sourceId) => ({ policyId, sourceId })),
  )
}

function walOf({ wal, sources }: Pick<LifeboatConfig, 'wal' | 'sources'>): WatchedWal[] {
  return (Object.keys(wal) as SourceId[]).flatMap((sourceId) => {
    const [section, source] = [wal[sourceId], sources[sourceId]]
    return section && source
      ? [{ sourceId, agentId: source.agent, targets: section.targets, flushEveryMs: section.flushEvery }]
      : []
  })
}

/** Who must be there for the promises to be kept: one of each kind, and every agent that has work. */
function servicesOf({
  policies,
  sources,
  wal,
}: Pick<LifeboatConfig, 'policies' | 'sources' | 'wal'>): AlerterConfig['services'] {
  const backedUp = Object.values(policies).flatMap((policy) => policy.sources)
  const working = [...backedUp, ...(Object.keys(wal) as SourceId[])]
  const agents = new Set(working.flatMap((source) => sources[source]?.agent ?? []))
  const common = ['scheduler', 'uploader', 'verifier'].map((service) => ({ service }))
  return [...common, ...[...agents].map((name) => ({ service: 'backup-agent', name }))]
}

/** All an agent, an uploader or a verifier looks at, whether a policy uses it or not. */
export function watchedFootingsOf({ sources, targets }: Pick<LifeboatConfig, 'sources' | 'targets'>): WatchedFooting[] {
  const agents = new Set(Object.values(sources).map(({ agent }) => agent))
  return [
    ...Object.keys(sources).map((name): WatchedFooting => ({ part: 'source', name })),
    ...Object.keys(targets).map((name): WatchedFooting => ({ part: 'target', name })),
    ...[...agents].map((name): WatchedFooting => ({ part: 'spool', name })),
    { part: 'scratch', name: 'verifier' },
  ]
}

async function emailOf(email: AlertingConfig['email'], secret: (ref: SecretRef) => Secret): Promise<EmailOptions> {
  const { host, port, security, ca, user, password, from } = email
  return {
    host,
    port,
    security,
    from,
    ca: ca === undefined ? undefined : await readCa(ca),
    login: user === undefined || password === undefined ? undefined : { user, password: secret(password) },
  }
}

function readCa(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const problems = [`alerting.email.ca: ${path} cannot be read (${cause.code ?? cause.message})`]
    throw new LifeboatError('CONFIG_INVALID', { problems }, { cause })
  })
}
