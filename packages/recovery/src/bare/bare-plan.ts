import { execFile } from 'node:child_process'
import { readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import type { PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { BackupId, BackupKind, Moment, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { backupBytes } from '@lifeboat/shared/domain/manifest.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Seen } from './look.ts'

const execute = promisify(execFile)

/** What a recovery would do, told before it touches anything. */
export interface BarePlan {
  sourceId: SourceId
  kind: 'dump' | 'cluster'
  /** For a cluster the chain, oldest first. */
  backups: PlannedBackup[]
  /** How far a cluster is recovered, for people. */
  goal?: string
  wal?: { timeline: number; from: string; end: string; objects: number; bytes: number }
  server: { major: number; version: string; database: string }
  /** Encrypted bytes to be fetched, WAL included. */
  fetchBytes: number
  /** Where the recovered data would lie; absent where nobody said. */
  disk?: { path: string; neededBytes: number; freeBytes: number }
  /** How long a drill of this copy took from its first byte to its first answer, on the machine of the verifier. */
  drillMs?: number
  loss: Loss
  /** Why it cannot be done as things are. */
  obstacles: ErrorReport[]
  /** What one should know. */
  notes: string[]
}

export interface PlannedBackup {
  backupId: BackupId
  kind: BackupKind
  snapshotAt: Moment
  bytes: number
  signer: string
  /** By the newest drill of this copy that came to a verdict. */
  drill?: { verdict: string; finishedAt: Moment }
}

export interface Loss {
  /** The last moment that is surely brought back; absent where only the replay will tell. */
  until?: Moment
  sentence: string
}

export function plannedBackup({ manifest, signer, drill }: Seen): PlannedBackup {
  const { backupId, kind, snapshotAt } = manifest
  const verdict = drill && { verdict: drill.verdict, finishedAt: drill.finishedAt }
  return { backupId, kind, snapshotAt, bytes: backupBytes(manifest), signer, ...(verdict && { drill: verdict }) }
}

export function lossSince(until: Moment, nowMs: number): Loss {
  const ago = formatDuration(Math.max(0, nowMs - Date.parse(until)))
  return { until, sentence: `What was committed after ${until} (${ago} ago) is not in it.` }
}

/** Runs a check and keeps what it says against the plan; what another check said already is not told twice. */
export async function orObstacle<T>(obstacles: ErrorReport[], check: () => Promise<T>): Promise<T | undefined> {
  try {
    return await check()
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    if (err.code === 'INTERNAL') throw thrown
    const report = err.toReport()
    if (!obstacles.some((known) => isDeepStrictEqual(known, report))) obstacles.push(report)
    return undefined
  }
}

/** The nearest folder that is there already: its disk is the one that will be filled. */
export async function existingParent(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const there = await stat(at).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
    if (there || at === dirname(at)) return at
  }
}

export async function freeBytesAt(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

/** @throws LifeboatError RECOVERY_PLACE_TAKEN – something is in it */
export async function demandEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((err: NodeJS.ErrnoException): string[] => {
    if (err.code === 'ENOENT') return []
    throw new LifeboatError('RECOVERY_PLACE_TAKEN', { folder, problem: `it is no folder one can use (${err.code})` })
  })
  if (names.length > 0) throw new LifeboatError('RECOVERY_PLACE_TAKEN', { folder, found: names.slice(0, 5) })
}

/**
 * The extensions this machine has no files of.
 *
 * @throws LifeboatError RECOVERY_SERVER_UNFIT
 */
export async function demandExtensions(names: readonly string[], tools: PostgresTools): Promise<void> {
  const { path } = await tools.program('pg_config')
  const { stdout } = await execute(path, ['--sharedir'], { env: { ...BASE_ENV } })
  const have = new Set(await readdir(join(stdout.trim(), 'extension')).catch(() => []))
  const missing = names.filter((name) => !have.has(`${name}.control`))
  if (missing.length > 0)
    throw new LifeboatError('RECOVERY_SERVER_UNFIT', { problem: 'extensions are not installed here', missing })
}
