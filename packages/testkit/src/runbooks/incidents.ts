import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../eventually.ts'
import { AGENT, POLICY, SOURCE, type WorldConfig } from '../world/config.ts'
import { offSiteNow, WEEKLY, WEST, withBasesAndWal } from '../world/physical.ts'
import { SERVICES } from '../world/processes.ts'
import { startWorld, type World, type WorldOptions } from '../world.ts'

/** Tells whether rows are those that were there before. */
export const RESULTS = 'SELECT count(*)::int AS rows, sum(hashtext(v::text)) AS hash FROM validation_results v'
const SOME_ROWS = 'DELETE FROM validation_results WHERE hashtext(id::text) % 3 = 0'

/** What a page leaves to be filled in, for a world. */
export function surroundings({ folder, configPath, source: { postgres, database } }: World): Record<string, string> {
  return {
    LIFEBOAT_CONFIG: configPath,
    ...{ SOURCE, DATABASE: database, TARGET: WEST, POLICY: WEEKLY },
    IDENTITY: join(folder, 'keys/age-identity'),
    SERVER: `postgres://${postgres.user}@${postgres.host}:${postgres.port}/postgres`,
    PGHOST: postgres.host,
    PGPORT: String(postgres.port),
    PGUSER: postgres.user,
    PGPASSWORD: postgres.password,
  }
}

export async function takeAll(world: World): Promise<void> {
  for (const policy of [POLICY, WEEKLY])
    await world.json(['backup', 'now', SOURCE, '--policy', policy, '--wait', 'proven'])
}

/** Backups, then changes that only WAL knows; gives what is to come back. */
export async function takeAllAndGoOn(world: World): Promise<unknown[]> {
  await takeAll(world)
  return goOn(world)
}

/** Changes that only WAL knows; gives what is to come back. */
export async function goOn(world: World): Promise<unknown[]> {
  const { postgres, database } = world.source
  await postgres.query(database, SOME_ROWS)
  await offSiteNow(world)
  return await postgres.query(database, RESULTS)
}

/** Waits until nothing is wrong with the source: what agents and schedulers have seen is recorded some seconds later. */
export async function greenSource(world: World): Promise<void> {
  await until(
    async () => (await world.cli(['doctor'])).stdout,
    (told) => new RegExp(`✓ source +${SOURCE}`).test(told),
  )
}

/** The source has another address now, and its agent another disk. */
export function moveTo(config: WorldConfig, { port, spool }: { port: number; spool: string }): void {
  const [source, agent] = [config.sources[SOURCE], config.agents[AGENT]]
  if (source === undefined || agent === undefined) throw new Error('the world has no source to move')
  Object.assign(source, { host: '127.0.0.1', port })
  agent.spool = { ...agent.spool, path: spool }
}

export interface LostSite {
  config: WorldConfig
  folder: string
  database: string
  password: string
  before: unknown[]
}

/** A fleet lives and is lost with everything; on the new host are a copy of one bucket and the keys from the safe. */
export async function loseSite(host: string, opts: Pick<WorldOptions, 'databaseMb'> = {}): Promise<LostSite> {
  await using world = await startWorld({ ...opts, configure: withBasesAndWal })
  const { postgres, database } = world.source
  const before = await takeAllAndGoOn(world)
  for (const service of SERVICES) await world.kill(service, 'SIGKILL')
  await cp(world.targets[WEST]?.address ?? '', join(host, 'bucket'), { recursive: true })
  await cp(join(world.folder, 'keys'), join(host, 'keys'), { recursive: true })
  const config = structuredClone(world.config)
  return { config, folder: world.folder, database, password: postgres.password, before }
}

/** lifeboat.yaml from the safe: its secrets lie on the new host, NATS and mail are new, one target is left. */
export function takeFromSafe(config: WorldConfig, lost: LostSite, host: string): void {
  const { bus, alerting } = config
  const kept: WorldConfig = JSON.parse(JSON.stringify(lost.config).replaceAll(lost.folder, host))
  const targets = { [WEST]: { kind: 'filesystem' as const, path: join(host, 'bucket') } }
  Object.assign(config, kept, { bus, alerting, targets })
}
