import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { LifeboatConfig } from './lifeboat-config.ts'
import type { Path } from './yaml-source.ts'

export type SectionName = Exclude<keyof LifeboatConfig, 'version' | 'fleet'>
/** What is left of the configuration for a reader of some sections. */
export type ConfigOf<S extends SectionName> = Pick<LifeboatConfig, 'version' | 'fleet' | S>

/** The sections each service validates; what else stands in the file is not its business. */
export const SERVICE_SECTIONS = {
  scheduler: ['bus', 'sources', 'policies', 'drills', 'wal', 'targets', 'expiry', 'objectives', 'scheduler'],
  'backup-agent': ['bus', 'encryption', 'signers', 'agents', 'sources', 'policies', 'wal'],
  uploader: ['bus', 'agents', 'targets', 'policies', 'audit', 'expiry', 'uploader'],
  verifier: ['bus', 'signers', 'targets', 'policies', 'drills', 'wal', 'verifier'],
  alerter: ['bus', 'encryption', 'sources', 'policies', 'drills', 'wal', 'targets', 'objectives', 'expiry', 'alerting'],
  cli: [
    'bus',
    'encryption',
    'signers',
    'agents',
    'targets',
    'sources',
    'policies',
    'drills',
    'wal',
    'audit',
    'expiry',
    'objectives',
    'scheduler',
    'uploader',
    'verifier',
    'alerting',
  ],
} as const satisfies Record<string, readonly SectionName[]>

export type ServiceName = keyof typeof SERVICE_SECTIONS
export type SectionsOf<N extends ServiceName> = (typeof SERVICE_SECTIONS)[N][number]

export interface SecretUse {
  path: Path
  ref: SecretRef
}

/**
 * The secrets one service needs, and no other: a database host has no cloud credentials, an uploader no key.
 *
 * @param agentId the agent this process is; only for backup-agent
 */
export function secretsOf(service: ServiceName, config: Partial<LifeboatConfig>, agentId?: string): SecretUse[] {
  const uses: SecretUse[] = section(config.bus, ['bus'], ['password', 'token', 'credentials'])
  if (service === 'backup-agent') uses.push(...agentSecrets(config, agentId))
  if (service === 'uploader') uses.push(...each(config.agents, 'agents', ['token']))
  if (service === 'uploader' || service === 'verifier') uses.push(...each(config.targets, 'targets', TARGET_SECRETS))
  if (service === 'uploader') uses.push(...removalSecrets(config))
  if (service === 'verifier') uses.push(...section(config.verifier, ['verifier'], ['identity', 'signingKey']))
  if (service === 'alerter') uses.push(...section(config.alerting?.email, ['alerting', 'email'], ['password']))
  return uses
}

const TARGET_SECRETS = ['accessKeyId', 'secretAccessKey', 'credentials', 'accountKey', 'sasToken']

/** Nobody but an uploader removes. */
function removalSecrets(config: Partial<LifeboatConfig>): SecretUse[] {
  return Object.entries(config.targets ?? {}).flatMap(([id, target]) =>
    section((target as { removal?: unknown }).removal, ['targets', id, 'removal'], TARGET_SECRETS),
  )
}

function agentSecrets(config: Partial<LifeboatConfig>, agentId?: string): SecretUse[] {
  const own = Object.fromEntries(Object.entries(config.sources ?? {}).filter(([, source]) => source.agent === agentId))
  const agents = config.agents as Record<string, unknown> | undefined
  return [
    ...section(agents?.[agentId ?? ''], ['agents', agentId ?? ''], ['token', 'signingKey']),
    ...section(
      (agents?.[agentId ?? ''] as { restore?: unknown } | undefined)?.restore,
      ['agents', agentId ?? '', 'restore'],
      ['identity'],
    ),
    ...each(own, 'sources', ['password']),
    ...Object.entries(own).flatMap(([id, source]) =>
      (['replication', 'restore'] as const).flatMap((login) =>
        section((source as Partial<Record<string, unknown>>)[login], ['sources', id, login], ['password']),
      ),
    ),
  ]
}

function each(owners: object | undefined, name: string, fields: readonly string[]): SecretUse[] {
  return Object.entries(owners ?? {}).flatMap(([id, owner]) => section(owner, [name, id], fields))
}

function section(owner: unknown, path: Path, fields: readonly string[]): SecretUse[] {
  return fields.flatMap((field) => {
    const ref = (owner as Record<string, SecretRef | undefined> | undefined)?.[field]
    return ref === undefined ? [] : [{ path: [...path, field], ref }]
  })
}
