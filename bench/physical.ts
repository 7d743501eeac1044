import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
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
import { bytesBelow, output, seconds, since } from './support/programs.ts'
import { restoreOurs, restoreTheirs } from './support/restores.ts'
import { byTurns } from './support/turns.ts'

/** The level peers and we are compared at, and the one Lifeboat uses unless told otherwise. */
const [SAME_LEVEL, DEFAULT_LEVEL] = [3, 1]
const LEVELS = [-1, 1, 2, 3, 5]
const CORES = 2
const TARGET = 'repository'

/** What one way took in each round, seconds, and what the last round left behind, bytes. */
interface Way {
  label: string
  times: number[]
  bytes: number
}

/** `pnpm bench physical [1GB] [3]`: a full backup of a cluster into one folder, beside the server's own and the peers' that are installed. */
export async function bench([size = '1GB', rounds = '3']: readonly string[]): Promise<BenchReport> {
  await using world = await startWorld({
    databaseMb: ByteSize.parse(size) / 2e6,
    services: ['scheduler', 'backup-agent', 'uploader'],
    targets: { [TARGET]: 'filesystem' },
    configure: addPolicies,
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  const { postgres } = world.source
  console.error('filling the other half by pgbench')
  await fillByPgbench(postgres, ByteSize.parse(size) / 2)
  await using bus = await connectBus({ servers: [world.nats.url], name: 'bench', log: silentLogger })
  await using peers = await openPeers(postgres, { level: SAME_LEVEL, processes: CORES })
  const all = contenders(world, bus, peers.open)
  const ways = all.map(({ label }): Way => ({ label, times: [], bytes: 0 }))
  await byTurns([...ways.entries()], Number(rounds), ([at, way]) => timed(way, all[at] as Contender))
  const restores = await measureRestores(world, peers.open, Number(rounds))
  const levels = await levelRows(postgres, Number(rounds))
  const clusterBytes = await bytesBelow(join(postgres.dataDir, 'base'))
  return {
    title: `A full backup of a cluster of ${formatBytes(clusterBytes)}, PostgreSQL ${postgres.major}, medians of ${rounds} rounds.`,
    tables: [
      { columns: ['what', 'seconds', 'all rounds', 'kept'], rows: ways.map(rowOf) },
      {
        title: 'Restored, to a server that answers',
        columns: ['what', 'seconds', 'all rounds'],
        rows: restores.map((way) => rowOf(way).slice(0, 3)),
      },
      {
        title: `zstd levels inside the server, ${CORES} workers, thrown away on arrival`,
        columns: ['level', 'seconds', 'size'],
        rows: levels,
      },
    ],
    ratios: [...ratiosOf(ways), ...restoreRatios(restores)],
    notes: [
      'Lifeboat is timed from the wish on the bus to the complete copy: checkpoint, encryption, parts fsynced and hashed, read by an uploader on the same host, hashed again, stored and fsynced, manifest last. The peers do not encrypt here.',
      'Kept in two files: `pg_basebackup | age | tee` on the same server, both files fsynced, as a spool and a target are; without digests, parts or a manifest. It is what storing costs beyond throwing away.',
      'What is restored is on the disk when the server answers, of everybody.',
      ...peers.missing.map((name) => `NOT MEASURED: ${name} is not installed on this machine.`),
    ],
  }
}

/** One base policy per level, and a spool with the settings of the product. */
function addPolicies(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  const agent = config.agents[AGENT]
  if (!policy || !agent) throw new LifeboatError('INTERNAL', { message: 'the world has no policy or agent to copy' })
  // As an operator has it who changes nothing; the world's own parts are small, for small databases.
  agent.spool = { path: agent.spool.path }
  for (const level of [SAME_LEVEL, DEFAULT_LEVEL])
    config.policies[policyOf(level)] = { ...policy, kind: 'base', base: { compressionLevel: level, workers: CORES } }
}

function policyOf(level: number): PolicyId {
  return `base-${level}` as PolicyId
}

/** One way of taking a full backup. */
interface Contender {
  label: string
  run(): Promise<number>
  /** Bytes kept so far. */
  kept(): Promise<number>
}

function contenders(world: World, bus: Bus, peers: readonly Peer[]): Contender[] {
  const repository = world.targets[TARGET]?.config as { path: string }
  return [
    {
      label: LABELS.server,
      run: () => seconds(() => throwAway(world.source.postgres, SAME_LEVEL)),
      kept: async () => 0,
    },
    {
      label: LABELS.twice,
      run: () => keptTwice(world, repository.path),
      kept: async () => 0,
    },
    ...[SAME_LEVEL, DEFAULT_LEVEL].map((level) => ({
      label: LABELS.lifeboat(level),
      run: () => backupSeconds(bus, { policyId: policyOf(level), kind: 'base', copies: 1 }),
      kept: () => bytesBelow(repository.path),
    })),
    ...peers.map((peer) => ({
      label: peer.name,
      run: () => seconds(() => peer.backup('full')),
      kept: () => peer.repositoryBytes(),
    })),
  ]
}

const LABELS = {
  server: `the server's own BASE_BACKUP, zstd ${SAME_LEVEL}, thrown away on arrival`,
  twice: 'the same through age, kept in two files',
  lifeboat: (level: number) => `Lifeboat, zstd ${level}, encrypted`,
}

/** What the server alone needs: the same protocol, the same compression, its WAL inside as in ours, nobody who keeps the bytes. Without WAL it would wait for its archive_command, in steps of a second. */
async function throwAway(postgres: TestPostgres, level: number): Promise<number> {
  return Number(await takenByTool(postgres, level, 'wc -c'))
}

/** What storing costs whoever does it: encrypted, in a spool and at a target, both on the disk. No digests, no manifest. */
async function keptTwice({ source, config }: World, folder: string): Promise<number> {
  const files = [join(folder, 'spool.age'), join(folder, 'target.age')]
  const recipient = config.encryption.recipients[0] ?? ''
  const then = `age -r "${recipient}" | tee "${files[0]}" > "${files[1]}" && sync ${files.map((file) => `"${file}"`).join(' ')}`
  const took = await seconds(() => takenByTool(source.postgres, SAME_LEVEL, then))
  await Promise.all(files.map((file) => rm(file)))
  return took
}

/** A base of the server by its own tool, into the shell's pipeline `then`. */
async function takenByTool(postgres: TestPostgres, level: number, then: string): Promise<string> {
  const compress = `--compress=server-zstd:level=${level},workers=${CORES}`
  const where = '--host="$2" --port="$3" --username="$4"'
  const script = `"$1" ${where} --pgdata=- --format=tar --wal-method=fetch --no-manifest --checkpoint=fast "$5" | ${then}`
  const about = [postgres.socketDir, String(postgres.port), postgres.user]
  return output('sh', ['-c', script, 'sh', join(postgres.binDir, 'pg_basebackup'), ...about, compress])
}

/** Each from the newest backup at the level everybody used. */
async function measureRestores(world: World, peers: readonly Peer[], rounds: number): Promise<Way[]> {
  const { backups } = await world.json<{ backups: BackupRow[] }>(['backup', 'list', '--all'])
  const newest = backups.find(({ policyId }) => policyId === policyOf(SAME_LEVEL))
  if (!newest) throw new LifeboatError('INTERNAL', { message: 'there is no backup to restore' })
  const able = peers.flatMap((peer) => (peer.restore ? [{ ...peer, restore: peer.restore }] : []))
  const runs = [
    { label: LABELS.lifeboat(SAME_LEVEL), run: () => restoreOurs(world, TARGET, newest.backupId) },
    ...able.map((peer) => ({ label: peer.name, run: () => restoreTheirs(peer, world.source.postgres) })),
  ]
  const ways = runs.map(({ label, run }) => ({ label, times: [] as number[], bytes: 0, run }))
  await byTurns(ways, rounds, async ({ times, run }) => void times.push(await run()), 'restore round')
  return ways
}

function restoreRatios([ours, ...theirs]: readonly Way[]): BenchReport['ratios'] {
  const mine = median(ours?.times ?? [])
  return theirs.map(({ label, times }) => ({
    what: `restore against ${label}`,
    ratio: mine / median(times),
    ...(label.startsWith('pgBackRest') && { limit: 1 }),
  }))
}

async function levelRows(postgres: TestPostgres, rounds: number): Promise<string[][]> {
  const ways = LEVELS.map((level) => ({ level, times: [] as number[], bytes: 0 }))
  const one = async (way: (typeof ways)[number]) => {
    const took = since()
    way.bytes = await throwAway(postgres, way.level)
    way.times.push(took())
  }
  await byTurns(ways, rounds, one, 'level round')
  return ways.map(({ level, times, bytes }) => [String(level), median(times).toFixed(2), formatBytes(bytes)])
}

async function timed(way: Way, { run, kept }: Contender): Promise<void> {
  const before = await kept()
  way.times.push(await run())
  way.bytes = (await kept()) - before
}

function rowOf({ label, times, bytes }: Way): string[] {
  const all = times.map((time) => time.toFixed(1)).join(' ')
  return [label, median(times).toFixed(1), all, bytes === 0 ? '–' : formatBytes(bytes)]
}

function ratiosOf(ways: readonly Way[]): BenchReport['ratios'] {
  const of = (label: string) => median(ways.find((way) => way.label === label)?.times ?? [])
  const ours = of(LABELS.lifeboat(SAME_LEVEL))
  const rest = ways.filter(({ label }) => /^pgBackRest|^Barman/.test(label))
  return [
    { what: `Lifeboat against the server alone, zstd ${SAME_LEVEL}`, ratio: ours / of(LABELS.server), limit: 1.1 },
    { what: `Lifeboat against ${LABELS.twice}`, ratio: ours / of(LABELS.twice) },
    ...rest.flatMap(({ label }) => {
      const promised = label.startsWith('pgBackRest')
      const atDefault = of(LABELS.lifeboat(DEFAULT_LEVEL)) / of(label)
      return [
        {
          what: `Lifeboat against ${label}, zstd ${SAME_LEVEL}`,
          ratio: ours / of(label),
          ...(promised && { limit: 1 }),
        },
        { what: `Lifeboat at its default level against ${label}`, ratio: atDefault, ...(promised && { limit: 0.7 }) },
      ]
    }),
  ]
}
