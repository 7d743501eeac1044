import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { ByteSize, formatBytes } from '@lifeboat/shared/time/duration.ts'
import { AGENT, POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { offSiteNow } from '@lifeboat/testkit/world/physical.ts'
import { IMAGE_ENVIRONMENT, runLifeboat, type ServiceName } from '@lifeboat/testkit/world/processes.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import type { BenchReport } from './report.ts'
import { lastFull, makeBacklog } from './support/backlog.ts'
import { backupSeconds } from './support/backup-seconds.ts'
import { fillByPgbench } from './support/cluster.ts'
import { compileAhead } from './support/compile-ahead.ts'

/** What each service may take, whatever the size of the cluster. */
const LIMIT_BYTES = 200e6
/** Peaks of two runs of the same work differ by about this much: the collector runs when it likes. */
const SAME = 1.25
const SEGMENTS = 8
const BASE = 'base' as PolicyId
const TARGETS = { aws: 's3', google: 'gcs', azure: 'azure' } as const
const SERVICES: readonly ServiceName[] = ['scheduler', 'backup-agent', 'uploader']
/** What brings the base back, each through its WAL. */
const BACK = ['verifier, in a drill', 'lifeboat recover'] as const
const TELL_PEAK = new URL('./children/tell-peak.ts', import.meta.url)
const WITHIN_MS = 900_000

/** Highest resident memory of each service so far, bytes. */
type Peaks = number[]

interface Measured {
  clusterBytes: number
  walBytes: number
  afterWal: Peaks
  afterBase: Peaks
  back: Peaks
}

/** `pnpm bench memory-physical [100MB] [1GB]`: all WAL of a small and a large cluster, then a base of each, a drill of it and a recovery: peak resident memory of each service and of the command. */
export async function bench([small = '100MB', large = '1GB']: readonly string[]): Promise<BenchReport> {
  await compileAhead([...SERVICES, 'verifier'])
  const few = await measure(ByteSize.parse(small))
  const many = await measure(ByteSize.parse(large))
  const columns = (field: 'walBytes' | 'clusterBytes') => [
    'service',
    formatBytes(few[field]),
    `${formatBytes(many[field])}`,
  ]
  const rows = (peaks: (of: Measured) => Peaks, names: readonly string[] = SERVICES) =>
    names.map((name, at) => [name, ...[few, many].map((of) => formatBytes(peaks(of)[at] ?? Number.NaN))])
  const ratios = (what: string, of: (measured: Measured) => number) => {
    const [one, other] = [few, many].map(of) as [number, number]
    return [
      { what: `${what}: large against small`, ratio: other / one, limit: SAME },
      { what: `${what}: large against ${formatBytes(LIMIT_BYTES)}`, ratio: other / LIMIT_BYTES, limit: 1 },
    ]
  }
  return {
    title: 'Peak resident memory of each service, to servers for S3, GCS and Azure.',
    tables: [
      { title: 'While so much WAL was shipped', columns: columns('walBytes'), rows: rows((of) => of.afterWal) },
      {
        title: 'After a base of so large a cluster besides',
        columns: columns('clusterBytes'),
        rows: rows((of) => of.afterBase),
      },
      {
        title: 'When that base is brought back through its WAL to the latest',
        columns: ['what', ...columns('clusterBytes').slice(1)],
        rows: rows((of) => of.back, BACK),
      },
    ],
    ratios: [
      ...SERVICES.flatMap((service, at) => [
        ...ratios(`${service}, WAL`, (of) => of.afterWal[at] ?? Number.NaN),
        ...ratios(`${service}, base`, (of) => of.afterBase[at] ?? Number.NaN),
      ]),
      ...BACK.flatMap((name, at) => ratios(name, (of) => of.back[at] ?? Number.NaN)),
    ],
    notes: [
      'The programs that are started (age, zstd, PostgreSQL) are not counted, nor is the small one that brings WAL to a server. The services run with MALLOC_ARENA_MAX=1 and MALLOC_MMAP_THRESHOLD_=1048576, and find their sources compiled, as in the image.',
    ],
  }
}

async function measure(bytes: number): Promise<Measured> {
  await using world = await startWorld({
    services: SERVICES,
    targets: TARGETS,
    configure: keepAll,
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  const { postgres } = world.source
  const from = await lastFull(postgres)
  await fillByPgbench(postgres, bytes, ['--fillfactor=90'])
  await makeBacklog(postgres, SEGMENTS)
  await untilSafe(world)
  const walBytes = Number((await lastFull(postgres)) - from)
  const afterWal = await peaksOf(world)
  await using bus = await connectBus({ servers: [world.nats.url], name: 'bench', log: silentLogger })
  await backupSeconds(bus, { policyId: BASE, kind: 'base', copies: Object.keys(TARGETS).length })
  const [row] = await postgres.query('postgres', 'SELECT sum(pg_database_size(oid))::text AS bytes FROM pg_database')
  const afterBase = await peaksOf(world)
  return { clusterBytes: Number(row?.bytes), walBytes, afterWal, afterBase, back: await bringBack(world) }
}

async function bringBack(world: World): Promise<Peaks> {
  // A commit behind the base, without which the base ends later than what targets hold.
  await world.source.postgres.query('postgres', 'CREATE TABLE behind AS SELECT 1')
  await offSiteNow(world)
  const { pid } = await world.start('verifier')
  const { verdict } = await world.json<DrillFinished>(['drill', 'run', SOURCE, '--to-time', 'latest', '--wait'])
  const peak = await peakOf(pid)
  const told = join(world.folder, 'peaks')
  const identity = world.config.verifier?.identity.replace('file:', '') ?? ''
  const args = ['--from', 'aws', '--identity', identity, '--source', SOURCE, '--unproven']
  const { code, stderr } = await runLifeboat(['recover', ...args, '--to', join(world.folder, 'recovered')], {
    configPath: world.configPath,
    env: { ...IMAGE_ENVIRONMENT, NODE_OPTIONS: `--import=${TELL_PEAK}`, TELL_PEAK_TO: told },
  })
  if (code !== 0 || verdict !== 'proven')
    throw new LifeboatError('INTERNAL', { message: `the base did not come back: ${verdict}, ${code}`, stderr })
  const lines = (await readFile(told, 'utf8')).trim().split('\n')
  const peaks = lines.map((line) => JSON.parse(line) as { program: string; peakBytes: number })
  return [peak, peaks.find(({ program }) => program.endsWith('cli/src/main.ts'))?.peakBytes ?? Number.NaN]
}

function keepAll(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  const agent = config.agents[AGENT]
  if (!policy || !agent) throw new LifeboatError('INTERNAL', { message: 'the world has no policy or agent to copy' })
  // As an operator has it who changes nothing.
  agent.spool = { path: agent.spool.path }
  config.policies[BASE] = { ...policy, kind: 'base' }
  const { targets } = policy
  config.wal = { [SOURCE]: { targets: [...targets], copies: { required: targets.length } } }
}

async function untilSafe({ source: { postgres } }: World): Promise<void> {
  const end = await lastFull(postgres)
  const safe = `SELECT flush_lsn::text AS safe FROM pg_stat_replication WHERE application_name = 'lifeboat_${SOURCE}'`
  for (const until = Date.now() + WITHIN_MS; Date.now() < until; await pause(250)) {
    const [row] = await postgres.query('postgres', safe)
    if (row?.safe && parseLsn(row.safe) >= end) return
  }
  throw new LifeboatError('INTERNAL', { message: 'the WAL did not become safe in time' })
}

/** `VmHWM`, the high-water mark the kernel keeps. */
function peaksOf(world: World): Promise<Peaks> {
  return Promise.all(SERVICES.map((service) => peakOf(world.service(service).pid)))
}

async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}
