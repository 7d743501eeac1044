import { join } from 'node:path'
import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { BackupId, PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { ByteSize, formatBytes } from '@lifeboat/shared/time/duration.ts'
import { installedMajors, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { AGENT, POLICY, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import type { Peer } from './peers/peer.ts'
import { type BenchReport, median } from './report.ts'
import { backupSeconds } from './support/backup-seconds.ts'
import { fillByPgbench, openPeers } from './support/cluster.ts'
import { bytesBelow } from './support/programs.ts'
import { restoreOurs, restoreTheirs } from './support/restores.ts'
import { byTurns } from './support/turns.ts'

const CHAINS_SINCE = 17
const LEVEL = 3
const CORES = 2
const TARGET = 'repository'
const RESTORED = 'restored' as PolicyId
const LINKS = 3
const CHANGED_SHARE = 0.01

/** One tool, and what it took to restore in each round, seconds. */
interface Way {
  label: string
  restore(): Promise<number>
  full: number[]
  chain: number[]
}

/** `pnpm bench [--on 17] restore [1GB] [3]`: a full backup back to a server that answers, and one with three incrementals, beside pgBackRest. */
export async function bench([size = '1GB', rounds = '3']: readonly string[]): Promise<BenchReport> {
  const withChain = (installedMajors()[0] ?? 0) >= CHAINS_SINCE
  const kind = withChain ? 'incremental' : 'base'
  await using world = await startWorld({
    databaseMb: ByteSize.parse(size) / 2e6,
    services: ['scheduler', 'backup-agent', 'uploader'],
    targets: { [TARGET]: 'filesystem' },
    configure: (config) => addPolicy(config, kind),
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  const { postgres } = world.source
  console.error('filling the other half by pgbench')
  await fillByPgbench(postgres, ByteSize.parse(size) / 2)
  if (withChain) await postgres.query('postgres', 'ALTER SYSTEM SET summarize_wal = on')
  await postgres.query('postgres', 'SELECT pg_reload_conf()')
  await using bus = await connectBus({ servers: [world.nats.url], name: 'bench', log: silentLogger })
  await using peers = await openPeers(postgres, { level: LEVEL, processes: CORES, only: ['pgBackRest'] })
  const take = () => backupSeconds(bus, { policyId: RESTORED, kind, copies: 1 })
  const ways = [oursOf(world), ...peers.open.flatMap((peer) => theirsOf(peer, postgres))]
  await take()
  for (const peer of peers.open) await peer.backup('full')
  await measure(ways, 'full', Number(rounds))
  if (withChain) {
    await addLinks(postgres, peers.open, take)
    await measure(ways, 'chain', Number(rounds))
  }
  const bytes = await bytesBelow(join(postgres.dataDir, 'base'))
  return report({ ways, bytes, rounds, major: postgres.major, missing: peers.missing, withChain })
}

function addPolicy(config: WorldConfig, kind: 'base' | 'incremental'): void {
  const policy = config.policies[POLICY]
  const agent = config.agents[AGENT]
  if (!policy || !agent) throw new LifeboatError('INTERNAL', { message: 'the world has no policy or agent to copy' })
  agent.spool = { path: agent.spool.path }
  const base = { compressionLevel: LEVEL, workers: CORES }
  config.policies[RESTORED] = { ...policy, kind, base }
}

function oursOf(world: World): Way {
  return {
    ...{ label: `Lifeboat, zstd ${LEVEL}, encrypted`, full: [], chain: [] },
    restore: async () => restoreOurs(world, TARGET, await newest(world)),
  }
}

function theirsOf(peer: Peer, postgres: TestPostgres): Way[] {
  const { restore } = peer
  if (!restore) return []
  const able = { ...peer, restore }
  return [{ label: peer.name, full: [], chain: [], restore: () => restoreTheirs(able, postgres) }]
}

async function newest(world: World): Promise<BackupId> {
  const { backups } = await world.json<{ backups: BackupRow[] }>(['backup', 'list', '--all'])
  const [first] = backups.filter(({ policyId }) => policyId === RESTORED)
  if (!first) throw new LifeboatError('INTERNAL', { message: 'there is no backup to restore' })
  return first.backupId
}

async function addLinks(postgres: TestPostgres, peers: readonly Peer[], take: () => Promise<unknown>): Promise<void> {
  for (let link = 0; link < LINKS; link++) {
    console.error(`incremental ${link + 1} of ${LINKS}`)
    const every = Math.round(1 / CHANGED_SHARE)
    // One row of each hundredth stretch of rows, so that about that share of the pages changes.
    await postgres.query(
      'postgres',
      `UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid % ${every * 60} = ${link}; CHECKPOINT`,
    )
    await take()
    for (const peer of peers) await peer.backup('incremental')
  }
}

async function measure(ways: readonly Way[], what: 'full' | 'chain', rounds: number): Promise<void> {
  await byTurns(ways, rounds, async (way) => void way[what].push(await way.restore()), `${what}: round`)
}

interface Found {
  ways: readonly Way[]
  bytes: number
  rounds: string
  major: number
  missing: readonly string[]
  withChain: boolean
}

function report({ ways, bytes, rounds, major, missing, withChain }: Found): BenchReport {
  const kinds = [
    { what: 'full' as const, title: 'A full backup', as: 'restore' },
    ...(withChain
      ? [{ what: 'chain' as const, title: `A full backup and ${LINKS} incrementals`, as: 'restore of a chain' }]
      : []),
  ]
  const [ours, ...theirs] = ways
  return {
    title: `A cluster of ${formatBytes(bytes)} restored to a server that answers, PostgreSQL ${major}, medians of ${rounds} rounds.`,
    tables: kinds.map(({ what, title }) => ({
      title,
      columns: ['what', 'seconds', 'all rounds'],
      rows: ways.map((way) => [
        way.label,
        median(way[what]).toFixed(1),
        way[what].map((time) => time.toFixed(1)).join(' '),
      ]),
    })),
    ratios: kinds.flatMap(({ what, as }) =>
      theirs.map((their) => ({
        what: `${as} against ${their.label}`,
        ratio: median(ours?.[what] ?? []) / median(their[what]),
        limit: 1,
      })),
    ),
    notes: [
      'Lifeboat is timed from the first look at the target to a promoted server; pgBackRest, which does not encrypt here, from its start to a server that lets somebody in. Who begins a round changes with each.',
      'Of both everything is on the disk when the server answers: pgBackRest saves each file while it restores, Lifeboat sends large files on their way to the disk and leaves the rest to the server, which saves all files before it recovers.',
      ...(withChain ? [] : [`NOT MEASURED: a chain. Run it as \`pnpm bench --on ${CHAINS_SINCE} restore\`.`]),
      ...missing.map((name) => `NOT MEASURED: ${name} is not installed on this machine.`),
    ],
  }
}
