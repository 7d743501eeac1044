import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { BackupRequested, BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import {
  RestorePlanned,
  RestorePlanRequested,
  RestoreRequested,
  RestoreSettled,
} from '@lifeboat/shared/bus/messages/restore.ts'
import {
  type AgentId,
  moment,
  newRestoreId,
  operatorRunId,
  type PolicyId,
  type TargetId,
} from '@lifeboat/shared/domain/ids.ts'
import type { ClusterWish } from '@lifeboat/shared/domain/restore.ts'
import { newOperatorKey, openOperatorKey, signOrder } from '@lifeboat/shared/signing/orders.ts'
import { whenFacts } from '@lifeboat/testkit/facts.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { postgresHooks } from '@lifeboat/testkit/postgres-hooks.ts'
import { expect } from 'vitest'
import { anOrder, sealedTo } from './restore-order.ts'
import { openWalHouse, SOURCE, type WalHouse } from './wal-house.ts'

const run = promisify(execFile)
const AGENT = 'db1' as AgentId
const TARGET = 'north' as TargetId
const POLICY = 'weekly' as PolicyId

/** An agent that keeps the WAL of a cluster, takes bases of it, and brings it back on the command of an operator: one target, an uploader, a scheduler. */
export interface ClusterWalHouse extends AsyncDisposable {
  wal: WalHouse
  /** Takes what the policy wants and waits until the target has it. */
  backup(): Promise<NonNullable<BackupSealed['physical']>>
  /** What the agent would do, begun with the backup it chooses itself; then it is told to do that. */
  restore(wish: ClusterWish): Promise<RestoreSettled>
  command(change: object): Promise<RestoreSettled>
  /** Of the cluster beside. */
  port: number
  query(port: number, sql: string): Promise<string>
}

export async function openClusterWalHouse(pg: TestPostgres, kind: 'base' | 'incremental'): Promise<ClusterWalHouse> {
  await using opening = new AsyncDisposableStack()
  const folder = opening.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-clusters-')), (path) =>
    rm(path, { recursive: true, force: true }),
  )
  const at = (name: string) => join(folder, name)
  const ann = newOperatorKey(undefined)
  const operator = openOperatorKey('ann', ann.pem, undefined)
  await run('age-keygen', ['-o', at('identity')])
  const recipient = /age1\w+/.exec(await readFile(at('identity'), 'utf8'))?.[0] ?? ''
  await writeFile(at('password'), pg.password, { mode: 0o600 })
  const hooks = Object.entries(await postgresHooks(pg, folder))
  const [lend, port] = [`127.0.0.1:${await freePort()}`, await freePort()]
  const restore = {
    ...{ operators: { ann: ann.publicKey }, recipient, identity: `file:${at('identity')}` },
    ...{ uploaders: [`http://${lend}`], clusters: at('clusters') },
    hooks: Object.fromEntries(hooks.map(([name, hook]) => [name, { ...hook, timeout: `${hook.timeout}ms` }])),
  }
  const login = { user: pg.user, password: `file:${at('password')}`, dataDirectory: pg.dataDir }
  const wal = opening.use(
    await openWalHouse({
      ...{ pg, targets: [TARGET] },
      policies: { [POLICY]: { sources: [SOURCE], kind, schedule: { cron: '0 2 1 1 *' }, targets: [TARGET] } },
      configure(config) {
        Object.assign(config.agents.db1, { restore })
        Object.assign(config.sources[SOURCE] ?? {}, { restore: login })
        Object.assign(config.uploader, { lend })
      },
    }),
  )
  await wal.start('backup-agent', 'uploader', 'scheduler')
  const { bus } = wal
  const catalog = await KvCatalog.open(bus)
  const targets = [TARGET]

  async function fact<T>(type: MessageType<T>, fits: (data: T) => boolean): Promise<T> {
    const [found] = await whenFacts(bus, type, fits)
    return found as T
  }
  const owned = opening.move()
  const made: ClusterWalHouse = {
    ...{ wal, port },
    async backup() {
      const now = Date.now()
      const runId = operatorRunId(POLICY, SOURCE, now)
      const times = { dueAt: moment(now), deadlineAt: moment(now + 600_000) }
      const about = { agentId: AGENT, sourceId: SOURCE, policyId: POLICY, kind, requestedBy: 'operator' } as const
      await bus.publish(BackupRequested, { runId, ...about, ...times })
      const { backupId, physical } = await fact(BackupSealed, (data) => data.runId === runId)
      const state = async () => (await catalog.get(backupId, SOURCE))?.copies[TARGET]?.state
      await expect.poll(state).toBe('stored')
      return physical as NonNullable<typeof physical>
    },
    async restore(wish) {
      const restoreId = newRestoreId(Date.now())
      const sealedIdentity = await sealedTo(recipient, wal.identityFile)
      const about = { restoreId, agentId: AGENT, sourceId: SOURCE, targets, unproven: true, sealedIdentity }
      const hooks = wish.place === 'in place' ? HOOKS : {}
      await bus.publish(RestorePlanRequested, { ...about, hooks, cluster: wish, requestedAt: moment(Date.now()) })
      const { plan, error } = await fact(RestorePlanned, (data) => data.restoreId === restoreId)
      expect([error, plan?.obstacles]).toEqual([undefined, []])
      return made.command({ backupId: plan?.backup.backupId, unproven: true, targets, sealedIdentity, hooks, ...wish })
    },
    async command(change) {
      const order = anOrder({ fleetId: 'test', agentId: AGENT }, { kind: 'cluster', ...change })
      const { restoreId } = order
      await bus.publish(RestoreRequested, { restoreId, agentId: AGENT, order: await signOrder(order, operator) })
      return fact(RestoreSettled, (data) => data.restoreId === restoreId)
    },
    async query(to, sql) {
      const url = new URL(pg.url('postgres'))
      url.port = String(to)
      return (await run(join(pg.binDir, 'psql'), ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', sql, url.href])).stdout.trim()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
  return made
}

/** Hooks that stop and start PostgreSQL itself. */
export const HOOKS = { stop: 'stop-pg', start: 'start-pg' }
