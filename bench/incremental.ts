import { join } from 'node:path'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { ByteSize, formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { AGENT, POLICY, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import type { Peer } from './peers/peer.ts'
import { type BenchReport, median } from './report.ts'
import { backupSeconds } from './support/backup-seconds.ts'
import { fillByPgbench, openPeers } from './support/cluster.ts'
import { bytesBelow, seconds } from './support/programs.ts'

const FIRST_MAJOR = 17
const LEVEL = 3
const CORES = 2
const TARGET = 'repository'
const INCREMENTAL = 'changes' as PolicyId
const SHARES = [0.01, 0.05]
const [TIME_LIMIT, BYTES_LIMIT] = [0.25, 0.3]
const PAGE_BYTES = 8192

/** One tool after one amount of change. */
interface Way {
  label: string
  times: number[]
  bytes: number[]
}

/** `pnpm bench --on 17 incremental [1GB] [3]`: a backup of what changed after 1 % and 5 % of the pages, beside pgBackRest's block incremental. */
export async function bench([size = '1GB', rounds = '3']: readonly string[]): Promise<BenchReport> {
  await using world = await startWorld({
    databaseMb: ByteSize.parse(size) / 2e6,
    services: ['scheduler', 'backup-agent', 'uploader'],
    targets: { [TARGET]: 'filesystem' },
    configure: addPolicy,
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  const { postgres } = world.source
  if (postgres.major < FIRST_MAJOR) return notMeasured(postgres.major)
  console.error('filling the other half by pgbench')
  // Room in each page, so that a changed row stays in its own: a share of changed rows is a share of changed pages.
  await fillByPgbench(postgres, ByteSize.parse(size) / 2, ['--fillfactor=90'])
  await settle(world)
  await using bus = await connectBus({ servers: [world.nats.url], name: 'bench', log: silentLogger })
  await using peers = await openPeers(postgres, { level: LEVEL, processes: CORES, only: ['pgBackRest'] })
  const tools = [lifeboat(world, bus), ...peers.open.map(theirs)]
  console.error('full backups to build on')
  for (const tool of tools) await tool.full()
  const changes: Change[] = SHARES.map((share) => ({
    share,
    pages: 0,
    ways: tools.map(({ label }) => ({ label, times: [], bytes: [] })),
  }))
  for (let round = 1; round <= Number(rounds); round++) {
    console.error(`round ${round} of ${rounds}`)
    for (const change of changes) await measure(postgres, tools, change, round)
  }
  await demandIncrementals(world, SHARES.length * Number(rounds))
  const bytes = await bytesBelow(join(postgres.dataDir, 'base'))
  return report({ changes, bytes, rounds, major: postgres.major, missing: peers.missing })
}

interface Change {
  share: number
  /** In the last round. */
  pages: number
  ways: Way[]
}

interface Tool {
  label: string
  full(): Promise<unknown>
  /** @returns seconds */
  incremental(): Promise<number>
  kept(): Promise<number>
}

function addPolicy(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  const agent = config.agents[AGENT]
  if (!policy || !agent) throw new LifeboatError('INTERNAL', { message: 'the world has no policy or agent to copy' })
  agent.spool = { path: agent.spool.path }
  const base = { compressionLevel: LEVEL, workers: CORES, maxChain: 100 }
  config.policies[INCREMENTAL] = { ...policy, kind: 'incremental', base }
}

function lifeboat(world: World, bus: Bus): Tool {
  const take = () => backupSeconds(bus, { policyId: INCREMENTAL, kind: 'incremental', copies: 1 })
  const repository = world.targets[TARGET]?.config as { path: string }
  return { label: 'Lifeboat, encrypted', full: take, incremental: take, kept: () => bytesBelow(repository.path) }
}

function theirs(peer: Peer): Tool {
  return {
    label: peer.name,
    full: () => peer.backup('full'),
    incremental: () => seconds(() => peer.backup('incremental')),
    kept: () => peer.repositoryBytes(),
  }
}

async function measure(postgres: TestPostgres, tools: readonly Tool[], change: Change, round: number): Promise<void> {
  change.pages = await changePages(postgres, change.share, round)
  for (const [at, tool] of tools.entries()) {
    // The pages are written before anybody is timed, not by whoever comes first.
    await postgres.query('postgres', 'CHECKPOINT')
    const before = await tool.kept()
    change.ways[at]?.times.push(await tool.incremental())
    change.ways[at]?.bytes.push((await tool.kept()) - before)
  }
}

/** Nothing but what is measured changes pages from here on: hints and visibility are written once and for all. */
async function settle({ source: { postgres, database } }: World): Promise<void> {
  for (const setting of ['summarize_wal = on', 'autovacuum = off'])
    await postgres.query('postgres', `ALTER SYSTEM SET ${setting}`)
  await postgres.query('postgres', 'SELECT pg_reload_conf()')
  for (const each of [database, 'postgres']) await postgres.query(each, 'VACUUM (FREEZE, ANALYZE)')
}

/**
 * One row on each of so many pages, spread evenly over pgbench's largest table. Rows are found by their keys, which lie in order: looking through
 * the table would clean up pages that were changed earlier, and so change them again.
 *
 * @returns how many pages that were
 */
async function changePages({ query }: TestPostgres, share: number, round: number): Promise<number> {
  const [sizes] = await query(
    'postgres',
    `SELECT (SELECT sum(pg_database_size(oid)) FROM pg_database) / ${PAGE_BYTES} AS cluster,
       relpages AS pages, reltuples AS rows FROM pg_class WHERE relname = 'pgbench_accounts'`,
  )
  const perPage = Math.ceil(Number(sizes.rows) / Number(sizes.pages))
  const every = Math.max(1, Math.floor(Number(sizes.pages) / (share * Number(sizes.cluster))))
  const keys = `generate_series(${1 + round * perPage}, ${Math.round(sizes.rows)}, ${perPage * every})`
  const changed = await query(
    'postgres',
    `SET enable_seqscan = off;
     UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = ANY (ARRAY(SELECT ${keys})) RETURNING aid`,
  )
  return changed.length
}

/** A full backup in their place would be measured as well, and nobody would know. */
async function demandIncrementals(world: World, count: number): Promise<void> {
  const { backups } = await world.json<{ backups: { chain?: number; physical?: { parent?: string } }[] }>([
    ...['backup', 'list', '--all'],
  ])
  const incremental = backups.filter(({ physical }) => physical?.parent !== undefined)
  if (incremental.length !== count)
    throw new LifeboatError('INTERNAL', { message: `${incremental.length} of ${count} backups were incremental` })
}

function report(found: {
  changes: Change[]
  bytes: number
  rounds: string
  major: number
  missing: string[]
}): BenchReport {
  const { changes, rounds, missing } = found
  return {
    title: `What changed in a cluster of ${formatBytes(found.bytes)}, PostgreSQL ${found.major}, zstd ${LEVEL}, medians of ${rounds} rounds.`,
    tables: changes.map(({ share, pages, ways }) => ({
      title: `${percent(share)} of the pages changed: ${pages} pages, ${formatBytes(pages * PAGE_BYTES)}`,
      columns: ['what', 'seconds', 'all rounds', 'kept'],
      rows: ways.map(({ label, times, bytes }) => [
        label,
        median(times).toFixed(2),
        times.map((time) => time.toFixed(2)).join(' '),
        formatBytes(median(bytes)),
      ]),
    })),
    ratios: changes.flatMap(({ share, ways: [ours, ...others] }) =>
      others.flatMap((other) => [
        {
          what: `time against ${other.label} at ${percent(share)}`,
          ratio: median(ours?.times ?? []) / median(other.times),
          limit: TIME_LIMIT,
        },
        {
          what: `bytes against ${other.label} at ${percent(share)}`,
          ratio: median(ours?.bytes ?? []) / median(other.bytes),
          limit: BYTES_LIMIT,
        },
      ]),
    ),
    notes: [
      'Lifeboat is timed from the wish on the bus to the complete copy, encrypted, and its backup holds the WAL it needs to be consistent; pgBackRest does not encrypt here, and its archive of WAL is not counted.',
      'One row was changed on each of the pages, spread evenly over half of the cluster, and written by a checkpoint before anything was timed.',
      ...missing.map((name) => `NOT MEASURED: ${name} is not installed on this machine.`),
    ],
  }
}

function notMeasured(major: number): BenchReport {
  return {
    title: `NOT MEASURED: PostgreSQL ${major} has no incremental backups. Run it as \`pnpm bench --on ${FIRST_MAJOR} incremental\`.`,
    tables: [],
    ratios: [],
  }
}

function percent(share: number): string {
  return `${share * 100} %`
}
