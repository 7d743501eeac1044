import type { Env } from '@lifeboat/config/config-path.ts'
import { readServiceConfig } from '@lifeboat/config/read-config.ts'
import type { BusConfig } from '@lifeboat/config/schema/bus.ts'
import type { PolicyConfig } from '@lifeboat/config/schema/policy.ts'
import type { WalConfig } from '@lifeboat/config/schema/wal.ts'
import { isPostgres } from '@lifeboat/config/source-config.ts'
import type { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import {
  replicationConnection,
  restoreConnection,
  type SourceConnection,
  sourceConnection,
} from '@lifeboat/postgres/connection.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { AgentId, FleetId, PolicyId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { PublicKeys } from '@lifeboat/shared/signing/signing.ts'

/** What this agent cares for. */
export type AgentSource = DatabaseSource | FileSource

export interface FileSource {
  files: FilesSourceConfig
}

export interface DatabaseSource {
  connection: SourceConnection
  /** For base backups and WAL. */
  replication: SourceConnection
  rolePasswords: boolean
  /** As a superuser; undefined: nothing of it is restored by this agent. */
  restore: SourceConnection | undefined
  /** Where the server keeps its data; undefined: the cluster is not recovered in place. */
  dataDirectory?: string | undefined
}

/** Whom the agent obeys, and with what. */
export interface RestoreConfig {
  operators: PublicKeys
  /** So many different operators must have signed. */
  signatures: number
  /** Opens what is sealed to this agent, and no backup. */
  identity: Secret
  uploaders: readonly string[]
  /** Folder for clusters beside; undefined: there are none. */
  clusters?: string | undefined
  hooks: Readonly<Record<string, Hook>>
}

export interface Hook {
  command: readonly string[]
  user?: string | undefined
  timeout: number
  env: Readonly<Record<string, string>>
}

/** What one agent reads of lifeboat.yaml: its own spool and keys, its own sources. No bucket credentials, no decryption key. */
export interface AgentConfig {
  fleetId: FleetId
  agentId: AgentId
  bus: BusConfig
  secret: (ref: SecretRef) => Secret
  /** How uploaders reach the spool. */
  url: string
  /** host:port */
  listen: string
  token: Secret
  signingKey: Secret
  spool: SpoolConfig
  toolPaths: readonly string[]
  /** Public keys of those who sign manifests and evidence. */
  signers: PublicKeys
  restore: RestoreConfig | undefined
  /** Public age keys. */
  recipients: readonly string[]
  sources: ReadonlyMap<SourceId, AgentSource>
  policies: ReadonlyMap<PolicyId, PolicyConfig>
  /** Those of its sources whose WAL is kept. */
  wal: ReadonlyMap<SourceId, WalConfig>
}

export interface SpoolConfig {
  path: string
  maxBytes: number
  partBytes: number
  /** A dump that waits for room this long, and nothing has left meanwhile, gives up with SPOOL_FULL. */
  stalledAfterMs: number
}

const STALLED_AFTER_MS = 3_600_000

/** @throws LifeboatError CONFIG_UNREADABLE | CONFIG_INVALID | CONFIG_SECRET_MISSING */
export async function readAgentConfig(from: { env: Env; cwd: string }): Promise<AgentConfig> {
  const { config, agentId, secret } = await readServiceConfig('backup-agent', from)
  const agent = agentId && config.agents[agentId]
  if (!agentId || !agent) throw new LifeboatError('CONFIG_INVALID', { problems: ['no agent is configured'] })
  const own = Object.entries(config.sources).filter(([, source]) => source.agent === agentId)
  const sources = own.map(([id, source]): [SourceId, AgentSource] => {
    if (!isPostgres(source)) return [id as SourceId, { files: source }]
    const connection = sourceConnection(source, source.password && secret(source.password))
    const secretOfReplication = source.replication?.password
    const replication = replicationConnection(source, connection, secretOfReplication && secret(secretOfReplication))
    const login = source.restore
    const restore = login && restoreConnection(login, connection, login.password && secret(login.password))
    const { rolePasswords } = source
    return [id as SourceId, { connection, replication, rolePasswords, restore, dataDirectory: login?.dataDirectory }]
  })
  return {
    fleetId: config.fleet,
    agentId,
    bus: config.bus,
    secret,
    url: agent.url.replace(/\/$/, ''),
    listen: agent.listen,
    token: secret(agent.token),
    signingKey: secret(agent.signingKey),
    spool: { ...agent.spool, stalledAfterMs: STALLED_AFTER_MS },
    toolPaths: agent.toolPaths,
    signers: config.signers,
    restore: agent.restore && { ...agent.restore, identity: secret(agent.restore.identity) },
    recipients: config.encryption.recipients,
    sources: new Map(sources),
    policies: new Map(Object.entries(config.policies) as [PolicyId, PolicyConfig][]),
    wal: new Map(
      Object.entries(config.wal).filter(([id]) => config.sources[id as SourceId]?.agent === agentId) as [
        SourceId,
        WalConfig,
      ][],
    ),
  }
}
