import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { ByteSize, formatBytes } from '@lifeboat/shared/time/duration.ts'
import { AGENT, POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import type { ServiceName } from '@lifeboat/testkit/world/processes.ts'
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
const WITHIN_MS = 900_000

/** Highest resident memory of each service so far, bytes. */
type Peaks = number[]

interface Measured {
  clusterBytes: number
  walBytes: number
  afterWal: Peaks
  afterBase: Peaks
}

/** `pnpm bench memory-physical [100MB] [1GB]`: all WAL of a small and a large cluster, then a base of each, peak resident memory of each service. */
export async function bench([small = '100MB', large = '1GB']: readonly string[]): Promise<BenchReport> {
  await compileAhead(SERVICES)
  const few = await measure(ByteSize.parse(small))
  const many = await measure(ByteSize.parse(large))
  const columns = (field: 'walBytes' | 'clusterBytes') => [
    'service',
    formatBytes(few[field]),
    `${formatBytes(many[field])}`,
  ]
  const rows = (peaks: (of: Measured) => Peaks) =>
    SERVICES.map((service, at) => [service, ...[few, many].map((of) => formatBytes(peaks(of)[at] ?? Number.NaN))])
  return {
    title: 'Peak resident memory of each service, to servers for S3, GCS and Azure.',
    tables: [
      { title: 'While so much WAL was shipped', columns: columns('walBytes'), rows: rows((of) => of.afterWal) },
      {
        title: 'After a base of so large a cluster besides',
        columns: columns('clusterBytes'),
        rows: rows((of) => of.afterBase),
      },
    ],
    ratios: SERVICES.flatMap((service, at) =>
      (['afterWal', 'afterBase'] as const).flatMap((when) => {
        const [one, other] = [few, many].map((of) => of[when][at] ?? Number.NaN) as [number, number]
        const what = `${service}, ${when === 'afterWal' ? 'WAL' : 'base'}`
        return [
          { what: `${what}: large against small`, ratio: other / one, limit: SAME },
          { what: `${what}: large against ${formatBytes(LIMIT_BYTES)}`, ratio: other / LIMIT_BYTES, limit: 1 },
        ]
      }),
    ),
    notes: [
      'The programs a service starts (age, zstd) are not counted. The services run with MALLOC_ARENA_MAX=1 and MALLOC_MMAP_THRESHOLD_=1048576, and find their sources compiled, as in the image.',
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
  return { clusterBytes: Number(row?.bytes), walBytes, afterWal, afterBase: await peaksOf(world) }
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
  return Promise.all(
    SERVICES.map(async (service) => {
      const status = await readFile(`/proc/${world.service(service).pid}/status`, 'utf8')
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024
    }),
  )
}
