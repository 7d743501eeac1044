import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { PolicySection } from '@lifeboat/config/schema/policy.ts'
import type { Bus, DeadLetter } from '@lifeboat/shared/bus/bus.ts'
import type { MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import {
  type AgentId,
  type FleetId,
  moment,
  operatorRunId,
  type PolicyId,
  type SourceId,
} from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type Logger, silentLogger } from '@lifeboat/shared/log/logger.ts'
import { Footings } from '@lifeboat/shared/service/footings.ts'
import { createMetrics } from '@lifeboat/shared/service/metrics.ts'
import { newSigningKeyPair } from '@lifeboat/shared/signing/signing.ts'
import { factsThat, whenFacts } from '@lifeboat/testkit/facts.ts'
import { startNats } from '@lifeboat/testkit/nats.ts'
import { type PostgresOptions, startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import type { AgentConfig } from '../src/config.ts'
import { type AgentDeps, openDeps } from '../src/deps.ts'
import { startAgent } from '../src/service.ts'

const run = promisify(execFile)

export const SOURCE = 'records' as SourceId
export const POLICY = 'daily' as PolicyId
export const TOKEN = 'the-token-of-the-spool'
export const PASSWORD = 'pa55-of-the-role'

/** NATS, PostgreSQL and keys for one test file; every agent gets a name and a spool of its own. */
export interface AgentHouse extends AsyncDisposable {
  readonly pg: TestPostgres
  readonly bus: Bus
  readonly ledger: Ledger
  readonly natsUrl: string
  readonly folder: string
  readonly identityFile: string
  readonly publicKey: string
  /** A database with a few tables, readable by the role `backup`. */
  database(name: string): Promise<void>
  config(change?: Partial<AgentChange>): AgentConfig
  agent(cfg: AgentConfig, log?: Logger): Promise<RunningAgent>
  wish(cfg: AgentConfig, change?: Partial<BackupRequested>, over?: Bus): Promise<BackupRequested>
  /** Facts of one type that fit, waited for; those of one agent or run only, because tests run side by side. */
  fact<T extends object>(type: MessageType<T>, fits: (data: T) => boolean, withinMs?: number): Promise<T>
  facts<T extends object>(type: MessageType<T>, fits?: (data: T) => boolean): Promise<T[]>
  deadLetters: DeadLetter[]
}

export interface AgentChange {
  agentId: string
  database: string
  user: string
  password: string
  port: number
  spool: Partial<AgentConfig['spool']>
  toolPaths: string[]
  policy: Record<string, unknown>
  rolePasswords: boolean
  /** Role for base backups and WAL; default `user`. */
  replicator: string
}

export interface RunningAgent extends AsyncDisposable {
  readonly deps: AgentDeps
  /** Rejects when the agent ended by itself with an error. */
  readonly ended: Promise<void>
}

const CONTENTS = `
  CREATE TABLE patient (id serial PRIMARY KEY, name text NOT NULL, data jsonb);
  INSERT INTO patient (name, data) SELECT 'p' || g, jsonb_build_object('n', g, 'h', md5(g::text)) FROM generate_series(1, 20000) g;
  CREATE TABLE "Größe" (a int, b text); INSERT INTO "Größe" VALUES (1, 'ä'), (2, NULL);
  SELECT lo_from_bytea(0, 'large object')`

let count = 0

export type AgentHouseServer = Pick<PostgresOptions, 'settings' | 'dataChecksums'>

export async function openAgentHouse(server: AgentHouseServer = {}): Promise<AgentHouse> {
  await using opening = new AsyncDisposableStack()
  const folder = opening.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-agent-')), (path) =>
    rm(path, { recursive: true }),
  )
  const rights = `LOGIN PASSWORD '${PASSWORD}' BYPASSRLS`
  const [pg, nats] = await Promise.all([
    startPostgres({ ...server, roles: { backup: rights, weak: rights, mover: `${rights} REPLICATION` } }),
    startNats(),
  ])
  opening.use(pg)
  opening.use(nats)
  await pg.query('postgres', 'GRANT pg_read_all_data TO backup; ALTER ROLE backup SET lo_compat_privileges = on')
  const identityFile = join(folder, 'identity')
  await run('age-keygen', ['-o', identityFile])
  const recipient = /age1\w+/.exec(await readFile(identityFile, 'utf8'))?.[0] ?? ''
  const keys = await newSigningKeyPair()
  const bus = opening.use(await connectBus({ servers: [nats.url], name: 'test', log: silentLogger }))
  const deadLetters: DeadLetter[] = []
  const listening = new AbortController()
  opening.defer(() => listening.abort(new LifeboatError('SERVICE_STOPPING')))
  await bus.consumeDeadLetters('test', async (letter) => void deadLetters.push(letter), { signal: listening.signal })
  const ledger = await Ledger.open(bus)
  const owned = opening.move()

  return {
    ...{ pg, bus, ledger, natsUrl: nats.url, folder, identityFile, publicKey: keys.publicKey, deadLetters },
    async database(name) {
      await pg.query('postgres', `CREATE DATABASE "${name}"`)
      await pg.query(name, CONTENTS)
    },
    config(change = {}) {
      const agentId = change.agentId ?? `agent-${++count}`
      const { database = 'postgres', user = 'backup', password = PASSWORD, port = pg.port } = change
      const connection = { host: pg.host, port, database, user, sslmode: 'prefer' as const }
      const policy = PolicySection.parse({
        ...{ sources: [SOURCE], kind: 'dump', schedule: { cron: '0 2 * * *' }, targets: ['north', 'south'] },
        ...change.policy,
      })
      return {
        ...{ fleetId: 'test' as FleetId, agentId: agentId as AgentId, bus: { servers: [nats.url], replicas: 1 } },
        ...{ url: 'http://127.0.0.1:1', listen: '127.0.0.1:0', token: new Secret(TOKEN) },
        ...{ signingKey: new Secret(keys.privateKey), recipients: [recipient], toolPaths: change.toolPaths ?? [] },
        spool: {
          path: join(folder, agentId),
          maxBytes: 1e9,
          partBytes: 65_536,
          stalledAfterMs: 60_000,
          ...change.spool,
        },
        ...{ secret: () => new Secret(''), signers: {}, restore: undefined },
        sources: new Map([
          [
            SOURCE,
            {
              connection: { ...connection, password: new Secret(password) },
              replication: { ...connection, user: change.replicator ?? user, password: new Secret(password) },
              rolePasswords: change.rolePasswords ?? true,
              restore: undefined,
            },
          ],
        ]),
        policies: new Map([[POLICY, policy]]),
        wal: new Map(),
      }
    },
    async agent(cfg, log = silentLogger) {
      const stack = new AsyncDisposableStack()
      const stop = new AbortController()
      const own = <R extends AsyncDisposable | Disposable>(resource: R) => stack.use(resource)
      const about = {
        log,
        metrics: createMetrics('backup-agent'),
        instance: 'test',
        own,
        signal: stop.signal,
        footings: new Footings(),
      }
      const deps = await openDeps(cfg, about).catch(async (err: unknown) => {
        await stack.disposeAsync()
        throw err
      })
      const ended = startAgent(deps, stop.signal)
      ended.catch(() => {})
      return {
        deps,
        ended,
        async [Symbol.asyncDispose]() {
          stop.abort(new LifeboatError('SERVICE_STOPPING'))
          await Promise.allSettled([ended, deps.bus.settled()])
          await stack.disposeAsync()
        },
      }
    },
    async wish(cfg, change = {}, over = bus) {
      const now = Date.now()
      const wish: BackupRequested = {
        ...{ runId: operatorRunId(POLICY, SOURCE, now), agentId: cfg.agentId, sourceId: SOURCE, policyId: POLICY },
        ...{ kind: 'dump', requestedBy: 'operator', dueAt: moment(now), deadlineAt: moment(now + 600_000) },
        ...change,
      }
      await over.publish(BackupRequested, wish)
      return wish
    },
    async fact(type, fits, withinMs = 240_000) {
      const [found] = await whenFacts(bus, type, fits, { withinMs })
      return found as NonNullable<typeof found>
    },
    facts: (type, fits) => factsThat(bus, type, fits),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
