import { mkdirSync } from 'node:fs'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { until } from '../eventually.ts'
import { AGENT, POLICY, SOURCE, type WorldConfig } from '../world/config.ts'
import { letRestore } from '../world/operators.ts'
import { offSiteNow, WEEKLY, WEST, withBasesAndWal } from '../world/physical.ts'
import { SERVICES } from '../world/processes.ts'
import { startWorld, type World, type WorldOptions } from '../world.ts'
import { startPulse } from './pulse.ts'

/** Tells whether rows are those that were there before. */
export const RESULTS = 'SELECT count(*)::int AS rows, sum(hashtext(v::text)) AS hash FROM validation_results v'
const SOME_ROWS = 'DELETE FROM validation_results WHERE hashtext(id::text) % 3 = 0'

/** A tree of files, which stands for code and configuration, and a set of it and the database. */
export const TREE = 'app-code'
export const SET = 'whole'
const CODE = 'code'
const RELEASE = 'release.txt'

/** Everything a site has: dumps, bases, WAL, a tree of files, and a set. */
export function withAll(config: WorldConfig): void {
  withBasesAndWal(config)
  const [policy, agent] = [config.policies[POLICY], config.agents[AGENT]]
  if (policy === undefined || agent === undefined) throw new Error('the world has nothing to copy')
  const { schedule, targets, copies } = policy
  const root = join(dirname(agent.spool.path), 'app')
  mkdirSync(root)
  config.sources[TREE] = { kind: 'files', agent: AGENT, root }
  config.policies[CODE] = { sources: [TREE], kind: 'files', schedule, targets, copies }
  const members = { database: { policy: POLICY }, code: { policy: CODE } }
  Object.assign(config.policies, { [SET]: { kind: 'set', schedule, targets, copies, members } })
}

export function rootOf(config: WorldConfig): string {
  const source = config.sources[TREE]
  return source !== undefined && 'root' in source ? source.root : ''
}

/** Another release of the application lies there now. */
export async function deploy(root: string, release: string): Promise<void> {
  await writeFile(join(root, RELEASE), release)
}

export function releaseIn(root: string): Promise<string> {
  return readFile(join(root, RELEASE), 'utf8')
}

/** Two states of the tree, the second an incremental to the first. */
export async function takeTreeTwice(world: World): Promise<void> {
  for (const release of ['4.0', '4.1']) {
    await deploy(rootOf(world.config), release)
    await takeTree(world)
  }
}

async function takeTree(world: World): Promise<void> {
  await world.json(['backup', 'now', TREE, '--policy', CODE, '--wait', 'proven'])
}

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
  /** As the last WAL has it. */
  before: unknown[]
  /** A recovery point of the set, and what the database was then. */
  point: string
  atPoint: unknown[]
  /** Somebody wrote to the end; milliseconds UTC. */
  lastCommitAt: number
}

/** What is in the safe beside lifeboat.yaml, or is made again out of it. */
const IN_SAFE = ['keys', 'operators', 'agent-identity', 'super-password']

/** One recovery point of the set, at release 4.0 of the application. */
async function takeSet(world: World): Promise<string> {
  await deploy(rootOf(world.config), '4.0')
  await world.json(['backup', 'now', SET, '--wait', 'proven'])
  const { sets } = await world.json<{ sets: { point: string }[] }>(['backup', 'list'])
  const point = sets[0]?.point
  if (point === undefined) throw new Error('there is no recovery point')
  return point
}

/** A fleet lives and is lost with everything; on the new host are a copy of one bucket and the keys from the safe. */
export async function loseSite(host: string, opts: Pick<WorldOptions, 'databaseMb'> = {}): Promise<LostSite> {
  await using world = await startWorld({ ...opts, services: ['scheduler', 'verifier', 'alerter'], configure: withAll })
  await letRestore(world, { clusters: false })
  await Promise.all((['backup-agent', 'uploader'] as const).map((service) => world.start(service)))
  const { postgres, database } = world.source
  const atPoint = await postgres.query(database, RESULTS)
  const point = await takeSet(world)
  await world.json(['backup', 'now', SOURCE, '--policy', WEEKLY, '--wait', 'proven'])
  await deploy(rootOf(world.config), '4.1')
  await takeTree(world)
  const pulse = startPulse((sql) => postgres.query(database, sql))
  const before = await goOn(world)
  const lastCommitAt = await pulse.stop()
  for (const service of SERVICES) await world.kill(service, 'SIGKILL')
  await cp(world.targets[WEST]?.address ?? '', join(host, 'bucket'), { recursive: true })
  for (const name of IN_SAFE) await cp(join(world.folder, name), join(host, name), { recursive: true })
  const config = structuredClone(world.config)
  return { config, folder: world.folder, database, password: postgres.password, before, point, atPoint, lastCommitAt }
}

/** lifeboat.yaml from the safe: its secrets lie on the new host, NATS and mail are new, one target is left. */
export function takeFromSafe(config: WorldConfig, lost: LostSite, host: string): void {
  const { bus, alerting } = config
  const kept: WorldConfig = JSON.parse(JSON.stringify(lost.config).replaceAll(lost.folder, host))
  const targets = { [WEST]: { kind: 'filesystem' as const, path: join(host, 'bucket') } }
  Object.assign(config, kept, { bus, alerting, targets })
}
