import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackupFailed, BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { verifySigned } from '@lifeboat/shared/signing/signing.ts'
import { ackWaitPasses } from '@lifeboat/testkit/ack-wait.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { type ServiceProcess, spawnService } from '@lifeboat/testkit/world/processes.ts'
import { expect } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import { type AgentHouse, PASSWORD, POLICY, SOURCE, TOKEN } from './agent-house.ts'

export interface ProcessChange {
  toolPaths?: readonly string[]
  /** Beside sources, schedule and targets. */
  policy?: Record<string, unknown>
  source?: Record<string, unknown>
  /** Of the agent, as it stands in lifeboat.yaml. */
  restore?: Record<string, unknown>
  signers?: Record<string, string>
  /** A tree of files in place of a database. */
  files?: string
}

/** An agent as a process of its own, with a configuration file that may differ between its lives. */
export async function spawnAgent(
  house: AgentHouse,
  cfg: AgentConfig,
  { toolPaths = [], policy = { kind: 'dump' }, source = {}, files, restore, signers = {} }: ProcessChange,
): Promise<ServiceProcess> {
  const folder = join(house.folder, `home-${cfg.agentId}`)
  await mkdir(folder, { recursive: true })
  const secret = async (name: string, value: string) => {
    await writeFile(join(folder, name), value, { mode: 0o600 })
    return `file:${join(folder, name)}`
  }
  const { host, port } = house.pg
  const password = await secret('password', PASSWORD)
  const config = {
    ...{ version: 1, fleet: 'test', bus: { servers: [house.natsUrl] }, encryption: { recipients: cfg.recipients } },
    signers: { [cfg.agentId]: house.publicKey, ...signers },
    agents: {
      [cfg.agentId]: {
        ...{ url: 'http://127.0.0.1:1', listen: '127.0.0.1:0', toolPaths, restore },
        ...{ token: await secret('token', TOKEN), signingKey: await secret('key', cfg.signingKey.reveal()) },
        spool: { path: cfg.spool.path, partBytes: '64KiB' },
      },
    },
    sources: {
      [SOURCE]: files
        ? { kind: 'files', agent: cfg.agentId, root: files, ...source }
        : {
            ...{ agent: cfg.agentId, host, port, database: 'records', user: 'backup', password },
            ...{ replication: { user: 'mover', password }, ...source },
          },
    },
    policies: { [POLICY]: { sources: [SOURCE], schedule: { cron: '0 2 * * *' }, targets: ['north'], ...policy } },
  }
  const configPath = join(folder, 'lifeboat.yaml')
  await writeFile(configPath, JSON.stringify(config))
  return spawnService({ service: 'backup-agent', name: 'agent', configPath, logFolder: folder })
}

/** The session that keeps a database from other restores. */
const HOLDING = `select from pg_stat_activity where application_name = 'lifeboat recover' and state = 'idle'`

/** An agent dies as with the power of its host, and its next life may begin: by then NATS does not wait for this one any more, and its server, if it runs, holds nothing for it. */
export async function dies(agent: ServiceProcess, house: AgentHouse, { agentId }: AgentConfig): Promise<void> {
  await agent.kill('SIGKILL')
  await ackWaitPasses(house.natsUrl, `agent-${agentId}`)
  await until(
    () => house.pg.query('postgres', HOLDING).catch(() => []),
    (sessions) => sessions.length === 0,
  )
}

/** @param from where in the log to look: what its earlier lives said stands before */
export async function said(agent: ServiceProcess, words: string, from = 0): Promise<void> {
  for (const until = Date.now() + 180_000; Date.now() < until; await sleep(3))
    if (agent.log().includes(words, from)) return
  throw new Error(`the agent never said ${words}:\n${agent.log().slice(-3000)}`)
}

/** Every claim that was made is true: one sealed backup, whole and signed, and every other attempt given up. */
export async function expectOneTrueBackup(house: AgentHouse, cfg: AgentConfig, runId: string): Promise<BackupSealed> {
  const sealed = await house.fact(BackupSealed, (fact) => fact.runId === runId, 240_000)
  expect(await house.facts(BackupSealed, (fact) => fact.runId === runId)).toHaveLength(1)
  const started = await house.facts(BackupStarted, (fact) => fact.runId === runId)
  const failed = await house.facts(BackupFailed, (fact) => fact.runId === runId)
  const others = started.map(({ backupId }) => backupId).filter((id) => id !== sealed.backupId)
  expect(failed.map(({ backupId }) => backupId)).toEqual(expect.arrayContaining(others))
  expect(failed.map(({ backupId }) => backupId)).not.toContain(sealed.backupId)
  const backups = join(cfg.spool.path, 'backups')
  expect(await readdir(backups)).toEqual([sealed.backupId])
  const text = await readFile(join(backups, sealed.backupId, 'manifest.json'), 'utf8')
  const { document } = await verifySigned(text, 'lifeboat-manifest', { [cfg.agentId]: house.publicKey })
  for (const { name, parts } of Manifest.parse(document).artifacts)
    for (const { no, sha256 } of parts) {
      const bytes = await readFile(join(backups, sealed.backupId, `${name}.${String(no).padStart(5, '0')}`))
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
    }
  return sealed
}
