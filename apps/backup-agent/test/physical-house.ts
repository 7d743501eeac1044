import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectSource, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { takeFingerprint } from '@lifeboat/postgres/fingerprint/take-fingerprint.ts'
import type { ProgressReport } from '@lifeboat/shared/bus/bus.ts'
import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import type { BackupKind } from '@lifeboat/shared/domain/ids.ts'
import { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { verifySigned } from '@lifeboat/shared/signing/signing.ts'
import { type AgentChange, type AgentHouse, PASSWORD, type RunningAgent } from './agent-house.ts'

/** For servers of a test's own. */
export const ROLES = {
  backup: `LOGIN PASSWORD '${PASSWORD}' IN ROLE pg_read_all_data, pg_read_all_settings`,
  mover: `LOGIN PASSWORD '${PASSWORD}' REPLICATION`,
}

/** An agent that takes bases and incrementals of the house's cluster as a role that may do no more than that. */
export function physicalChange(kind: BackupKind, change: Partial<AgentChange> = {}): Partial<AgentChange> {
  return { database: 'records', replicator: 'mover', ...change, policy: { kind, ...change.policy } }
}

export function folderOf(agent: RunningAgent, backupId: string): string {
  return join(agent.deps.spool.path, 'backups', backupId)
}

/** The last progress each run told of. */
export function lastProgress(house: AgentHouse): Map<string, ProgressReport> & AsyncDisposable {
  const stop = new AbortController()
  const last = new Map<string, ProgressReport>()
  const watching = (async () => {
    for await (const report of house.bus.watchProgress({ signal: stop.signal })) last.set(report.runId, report)
  })()
  return Object.assign(last, {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await watching
    },
  })
}

/** Wishes for a backup and waits until it is sealed. */
export async function taken(house: AgentHouse, agent: RunningAgent, kind: BackupKind): Promise<Sealed> {
  const { runId } = await house.wish(agent.deps.cfg, { kind })
  const sealed = await house.fact(BackupSealed, (fact) => fact.runId === runId)
  if (sealed.physical === undefined) throw new Error('it is no physical backup')
  return { ...sealed, physical: sealed.physical }
}
export type Sealed = BackupSealed & { physical: NonNullable<BackupSealed['physical']> }

export async function manifestOf(house: AgentHouse, agent: RunningAgent, backupId: string): Promise<Manifest> {
  const text = await readFile(join(folderOf(agent, backupId), 'manifest.json'), 'utf8')
  const keys = { [agent.deps.cfg.agentId]: house.publicKey }
  return Manifest.parse((await verifySigned(text, 'lifeboat-manifest', keys)).document)
}

/** What the database holds, whichever server has it. */
export async function contentsOf(house: AgentHouse, database: string): Promise<object> {
  const { socketDir: host, port } = house.pg
  const to = { host, port, user: 'postgres', database, sslmode: 'disable' as const }
  await using client = await connectSource(to, { applicationName: 'test', lockTimeoutMs: 10_000 })
  return await fingerprintOf(client)
}

export async function fingerprintOf(client: SourceClient): Promise<object> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
  const signal = AbortSignal.timeout(600_000)
  const fingerprint = await takeFingerprint(client, { hashTablesUpToBytes: 1e12, signal })
  await client.query('ROLLBACK')
  return fingerprint
}
