import { readFile } from 'node:fs/promises'
import { ByteSize, formatBytes } from '@lifeboat/shared/time/duration.ts'
import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { SERVICES } from '@lifeboat/testkit/world/processes.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import type { BenchReport } from './report.ts'

/** What each service may take, whatever the size of the database. */
const LIMIT_BYTES = 200e6
/** Peaks of two runs of the same work differ by about this much: the collector runs when it likes. */
const SAME = 1.25

interface Peaks {
  databaseBytes: number
  /** Highest resident memory of each service, bytes. */
  peaks: number[]
}

/** `pnpm bench memory [100MB] [4GB]`: a backup and its drill of a small and a large database, peak resident memory of each service. */
export async function bench([small = '100MB', large = '4GB']: readonly string[]): Promise<BenchReport> {
  const few = await measure(ByteSize.parse(small))
  const many = await measure(ByteSize.parse(large))
  return {
    title: 'Peak resident memory of each service over one backup to servers for S3, GCS and Azure and its drill.',
    tables: [
      {
        columns: ['service', `database of ${formatBytes(few.databaseBytes)}`, `of ${formatBytes(many.databaseBytes)}`],
        rows: SERVICES.map((service, at) => [service, formatBytes(peakAt(few, at)), formatBytes(peakAt(many, at))]),
      },
    ],
    ratios: SERVICES.flatMap((service, at) => [
      { what: `${service}, large against small`, ratio: peakAt(many, at) / peakAt(few, at), limit: SAME },
      {
        what: `${service}, large against ${formatBytes(LIMIT_BYTES)}`,
        ratio: peakAt(many, at) / LIMIT_BYTES,
        limit: 1,
      },
    ]),
    notes: ['The programs a service starts (pg_dump, zstd, age, pg_restore, the scratch server) are not counted.'],
  }
}

function peakAt({ peaks }: Peaks, at: number): number {
  return peaks[at] ?? Number.NaN
}

async function measure(bytes: number): Promise<Peaks> {
  await using world = await startWorld({
    databaseMb: bytes / 1e6,
    targets: { aws: 's3', google: 'gcs', azure: 'azure' },
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  await world.json(['backup', 'now', SOURCE, '--wait', 'proven'])
  const [row] = await world.source.postgres.query(
    world.source.database,
    'SELECT pg_database_size(current_database())::text AS bytes',
  )
  return {
    databaseBytes: Number(row?.bytes),
    peaks: await Promise.all(SERVICES.map((service) => peakOf(world.service(service).pid))),
  }
}

/** `VmHWM`, the high-water mark the kernel keeps. */
async function peakOf(pid: number): Promise<number> {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}
