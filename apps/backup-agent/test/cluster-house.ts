import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { postgresHooks } from '@lifeboat/testkit/postgres-hooks.ts'
import { type SealBaseOptions, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealEvidence } from '@lifeboat/testkit/seal-evidence.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import type { AgentConfig } from '../src/config.ts'
import { type RunningAgent, SOURCE } from './agent-house.ts'
import { openRestoreHouse, type RestoreHouse } from './restore-house.ts'

/** The database `records` has a table of visits: 1 in the base, 2 until `between`, 3 until the restore point `later`, 4 at the end of the WAL. */
export interface ClusterHouse extends AsyncDisposable {
  at: RestoreHouse
  base: Manifest
  between: Moment
  /** Data directory of the server, and the folder for clusters beside. */
  dataDirectory: string
  clusters: string
  /** Of the clusters beside. */
  port: number
  config(): AgentConfig
  /** `restore` of agent and source, as they stand in lifeboat.yaml. */
  section: Record<string, unknown>
  login: Record<string, unknown>
  /** Publishes an order about the cluster, beside and to `between` unless told otherwise. */
  command(cfg: AgentConfig, change?: object): Promise<RestoreOrder>
  order(cfg: AgentConfig, change?: object): Promise<RestoreOrder>
  /** Another base, proven. */
  seal(change?: Partial<SealBaseOptions>): Promise<Manifest>
  /** A base as of another cluster that has the name of the source from now on. */
  sealOfAnother(): Promise<Manifest>
  /** Asks the cluster beside. */
  beside(sql: string): Promise<unknown>
  visits(): Promise<string>
  /** Data directories put aside, and what was left beside it. */
  besides(): Promise<string[]>
}

/** Pages are changed, made, cut off and removed. */
const BEFORE_BASE = `
  create table visit (no int primary key); insert into visit values (1); grant select on visit to backup;
  update patient set name = name || '!' where id % 50 = 0;
  delete from patient where id > 15000; drop table "Größe"`
export const VISITS = `select string_agg(no::text, ' ' order by no) as answer from visit`
/** Hooks that stop and start PostgreSQL itself. */
export const HOOKS = { stop: 'stop-pg', start: 'start-pg' }

export interface ClusterHouseOptions {
  /** The base is an incremental to one from before there were visits (PostgreSQL 17). */
  incremental?: boolean
}

/** A house, and an agent that runs while the tests of a file do. */
export interface ServedClusterHouse {
  house: ClusterHouse
  at: RestoreHouse
  cfg: AgentConfig
  agent: RunningAgent
}

export async function serveClusterHouse(opts?: ClusterHouseOptions): Promise<ServedClusterHouse> {
  const house = await openClusterHouse(opts)
  const cfg = house.config()
  return { house, at: house.at, cfg, agent: await house.at.house.agent(cfg) }
}

export async function openClusterHouse({ incremental = false }: ClusterHouseOptions = {}): Promise<ClusterHouse> {
  await using opening = new AsyncDisposableStack()
  const settings = { full_page_writes: 'on', ...(incremental && { summarize_wal: 'on' }) }
  const server = { dataChecksums: true, settings }
  const at = opening.use(await openRestoreHouse(server))
  const { house, targets, seals } = at
  const { pg, folder } = house
  const target = targets.south
  const seal: ClusterHouse['seal'] = async (change = {}) => {
    const { manifest } = await sealBase({ ...about, ...change })
    await sealEvidence(target, seals.verifier, manifest)
    return manifest
  }
  const query = (sql: string) => pg.query('records', sql)
  const about = { pg, database: 'records', target, recipient: seals.recipient, signer: seals.agent }
  const parent = incremental ? await sealBase(about) : undefined
  await query(BEFORE_BASE)
  const base = await seal(parent && { parent })
  await query('insert into visit values (2); select pg_switch_wal(); select pg_sleep(0.05)')
  const [{ now }] = await query('select clock_timestamp() as now')
  await query('select pg_sleep(0.05); insert into visit values (3)')
  await query(`select pg_create_restore_point('later')`)
  await query('insert into visit values (4)')
  await sealWal({ pg, target, recipient: seals.recipient })
  const clusters = join(folder, 'clusters')
  const port = await freePort()
  const hooks = await postgresHooks(pg, folder)
  const owned = opening.move()
  const made: ClusterHouse = {
    ...{ at, base, between: now.toISOString(), dataDirectory: pg.dataDir, clusters, port, seal },
    sealOfAnother() {
      const server = { ...base.server, systemIdentifier: '1' } as Manifest['server']
      return seal({ change: (manifest) => ({ ...manifest, server }) as typeof manifest })
    },
    section: {
      ...at.section,
      clusters,
      hooks: {
        ...(at.section.hooks as object),
        ...Object.fromEntries(
          Object.entries(hooks).map(([name, each]) => [name, { ...each, timeout: `${each.timeout}ms` }]),
        ),
      },
    },
    login: { ...at.login, dataDirectory: pg.dataDir },
    config() {
      const cfg = at.config()
      const source = cfg.sources.get(SOURCE)
      if (!source || !('connection' in source) || !cfg.restore) throw new Error('the source is a database')
      return {
        ...{ ...cfg, sources: new Map([[SOURCE, { ...source, dataDirectory: pg.dataDir }]]) },
        restore: { ...cfg.restore, clusters, hooks: { ...cfg.restore.hooks, ...hooks } },
      }
    },
    async order(cfg, change = {}) {
      const { action = 'restore' } = change as { action?: string }
      const wish = { backupId: base.backupId, place: 'beside', port, goal: { to: 'time', time: made.between } }
      const copies = action === 'move' || action === 'promote' ? await at.copies() : {}
      return at.order(cfg, { kind: 'cluster', ...(action === 'restore' && wish), ...copies, ...change })
    },
    async command(cfg, change) {
      const order = await made.order(cfg, change)
      await at.publishRaw(await at.wish(order))
      return order
    },
    async beside(sql) {
      const to = { host: '127.0.0.1', port, database: 'records', user: pg.user, password: new Secret(pg.password) }
      const session = { applicationName: 'a look', lockTimeoutMs: 10_000 }
      await using client = await connectSource({ ...to, sslmode: 'disable' }, session)
      return (await client.query<{ answer: unknown }>(sql)).rows[0]?.answer
    },
    visits: async () => (await query(VISITS))[0].answer,
    async besides() {
      const [name, near] = [basename(pg.dataDir), await readdir(dirname(pg.dataDir))]
      return near.filter((each) => each.startsWith(`${name}_`))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
  return made
}
