import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ByteSize, formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { TargetConfig } from '@lifeboat/storage/target-config.ts'
import { type BucketKind, startBuckets } from '@lifeboat/testkit/buckets.ts'
import type { BenchReport } from './report.ts'

/** What one process was told to put. */
export interface UploadOrder {
  config: TargetConfig
  totalBytes: number
  partBytes: number
  /** Parts in flight. */
  concurrency: number
}

/** What it measured of itself. */
export interface UploadMeasure {
  kind: BucketKind
  bytes: number
  /** Only the puts, not the clearing away in between. */
  seconds: number
  bytesPerSecond: number
  /** CPU of the uploading process alone, user and system. */
  cpuSeconds: number
  /** Highest resident memory when a tenth of the bytes had gone, and at the end: flat means they are about the same. */
  rssEarlyBytes: number
  rssPeakBytes: number
}

export interface UploadOptions {
  kinds?: readonly BucketKind[]
  totalBytes?: number
  partBytes?: number
  concurrency?: number
  onProgress?: (step: string) => void
}

/**
 * Puts a stream of parts to a target of each kind, one after the other, each from a fresh child process.
 *
 * The servers run in this process and share the machine's cores, so the figures compare kinds and tell about memory; they are no limit of a cloud.
 */
export async function measureUploads(opts: UploadOptions = {}): Promise<UploadMeasure[]> {
  const {
    kinds = ['s3', 'gcs', 'azure', 'filesystem'],
    totalBytes = 2e9,
    partBytes = 64 * 1024 ** 2,
    concurrency = 2,
  } = opts
  await using buckets = await startBuckets()
  const measures: UploadMeasure[] = []
  for (const kind of kinds) {
    opts.onProgress?.(`upload to ${kind}`)
    measures.push(
      await uploadInChild({ config: buckets.configs[kind], totalBytes, partBytes, concurrency }, buckets.env),
    )
  }
  return measures
}

/** `pnpm bench upload [2GB]` */
export async function bench([size = '2GB']: readonly string[]): Promise<BenchReport> {
  const totalBytes = ByteSize.parse(size)
  const measures = await measureUploads({ totalBytes, onProgress: (step) => console.error(step) })
  const row = (measure: UploadMeasure) => [
    measure.kind,
    measure.seconds.toFixed(1),
    `${formatBytes(measure.bytesPerSecond)}/s`,
    measure.cpuSeconds.toFixed(1),
    formatBytes(measure.rssEarlyBytes),
    formatBytes(measure.rssPeakBytes),
  ]
  return {
    title: `Parts of 64 MiB, two in flight, ${formatBytes(totalBytes)} to a target of each kind.`,
    tables: [
      {
        columns: ['target', 'seconds', 'rate', 'CPU seconds', 'memory after a tenth', 'memory at the end'],
        rows: measures.map(row),
      },
    ],
    ratios: measures.map(({ kind, rssEarlyBytes, rssPeakBytes }) => ({
      what: `memory at the end against memory after a tenth, ${kind}`,
      ratio: rssPeakBytes / rssEarlyBytes,
      limit: 1.2,
    })),
    notes: [
      'The servers run on the same machine and share its cores: the rates compare kinds, they are no limit of a cloud.',
    ],
  }
}

async function uploadInChild(order: UploadOrder, env: Readonly<Record<string, string>>): Promise<UploadMeasure> {
  const child = fork(join(import.meta.dirname, 'children/upload.ts'), { env: { ...env, PATH: process.env.PATH ?? '' } })
  const ended = once(child, 'exit')
  child.send(order)
  const measured = await Promise.race([once(child, 'message') as Promise<[UploadMeasure]>, ended.then(() => undefined)])
  await ended
  if (measured === undefined) throw new Error(`the process uploading to ${order.config.kind} ended early`)
  return measured[0]
}
