import type { BackupKind, Moment, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Objectives } from '@lifeboat/shared/domain/objectives.ts'
import type { BackupRow, Rehearsal, SourceSummary } from './catalog.ts'
import { anchorsOf, type KnownWal, windowsOf } from './objectives-window.ts'
import { beginOf } from './project.ts'
import { bringsBackAll } from './summarize.ts'

export interface ObjectivesQuestion extends KnownWal {
  sourceId: SourceId
  summary?: SourceSummary | undefined
  /** What lifeboat.yaml promises, milliseconds. */
  promise?: { rpo: number; rto: number } | undefined
  nowMs: number
}

/**
 * What would come back of a source and how soon, judged by what is off-site and by what drills measured.
 *
 * WAL alone recovers nothing: it counts from the end of a stored base on, without a hole. What is not known is not promised.
 */
export function measureObjectives(question: ObjectivesQuestion): Objectives {
  const { sourceId, summary, promise, nowMs } = question
  const windows = windowsOf(anchorsOf(summary), question)
  const current = windows.find((window) => window.current)
  const until = latest(current?.to, newestBackup(summary))
  const by = until === undefined ? undefined : until === current?.to ? ('wal' as const) : ('backup' as const)
  const rpoMs = until === undefined ? null : Math.max(0, nowMs - Date.parse(until))
  const rto = expectedRto(summary, by)
  const firstPoint = earliest(windows[0]?.from, summary?.firstStored?.at)
  return {
    sourceId,
    ...(until && by && { recoverableUntil: until, by }),
    rpoMs,
    windows: windows.map(({ anchors: _, ...window }) => window),
    ...(firstPoint && { firstPoint }),
    ...(rto && { rto }),
    ...(promise && {
      promise: { rpoMs: promise.rpo, rtoMs: promise.rto },
      kept: { rpo: rpoMs !== null && rpoMs <= promise.rpo, rto: rto === undefined ? null : rto.ms <= promise.rto },
    }),
  }
}

const PHYSICAL = new Set<string>(['base', 'incremental'])

/**
 * The median of the last drills of the same way of recovery, each scaled by how much larger the data is now. A cluster that shrank is not
 * promised to come back faster.
 */
function expectedRto(summary: SourceSummary | undefined, by: Objectives['by']): Objectives['rto'] {
  const newest = newestStored(summary)
  if (summary === undefined || by === undefined || newest === undefined) return undefined
  const physical = by === 'wal' || PHYSICAL.has(newest.kind)
  const alike = (kind: string) => PHYSICAL.has(kind) === physical
  const size = stored(summary).find(({ kind }) => alike(kind))?.databaseBytes
  const drills = (summary.rehearsals ?? []).filter(({ kind }) => bringsBackAll(kind) && alike(kind))
  const [last] = drills
  if (last === undefined) return undefined
  const times = drills.map((drill) => scaled(drill, size)).sort((a, b) => a - b)
  return { ms: Math.round(times[times.length >> 1] ?? 0), kind: last.kind as BackupKind, drills: drills.length }
}

function scaled({ recoveryMs, databaseBytes }: Rehearsal, size: number | undefined): number {
  return databaseBytes && size ? recoveryMs * Math.max(1, size / databaseBytes) : recoveryMs
}

/** The moment it brings back; of one that left the recent rows the moment it began. */
function newestBackup(summary: SourceSummary | undefined): Moment | undefined {
  const newest = newestStored(summary)
  if (newest) return momentOf(newest)
  return summary?.lastStored && beginOf(summary.lastStored.backupId)
}

/** By the moment it brings back. */
function newestStored(summary: SourceSummary | undefined): BackupRow | undefined {
  return stored(summary).toSorted((a, b) => (momentOf(a) < momentOf(b) ? 1 : -1))[0]
}

/** Newest first. Exported tables bring back themselves, not the source. */
function stored(summary: SourceSummary | undefined): BackupRow[] {
  return (summary?.recent ?? []).filter(
    ({ state, kind }) => (state === 'stored' || state === 'proven') && bringsBackAll(kind),
  )
}

function momentOf({ snapshotAt, startedAt }: BackupRow): Moment {
  return snapshotAt ?? startedAt
}

function latest(...moments: (Moment | undefined)[]): Moment | undefined {
  return moments
    .filter((one) => one !== undefined)
    .sort()
    .at(-1)
}

function earliest(...moments: (Moment | undefined)[]): Moment | undefined {
  return moments.filter((one) => one !== undefined).sort()[0]
}
