import type { BackupId, BackupKind, Moment, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { RecoveryWindow } from '@lifeboat/shared/domain/objectives.ts'
import { isOnPath, type Path } from '@lifeboat/shared/domain/timelines.ts'
import { parseLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import type { BackupRow, SourceSummary } from './catalog.ts'
import { holesOnWay, type WalRecord, wayOf } from './wal-record.ts'

/** A physical backup that recovery can begin with: it and all its parents lie at one target. */
export interface Anchor {
  backupId: BackupId
  kind: BackupKind
  /** Of the newest link; recovery is consistent at `endMs` and not before. */
  startMs: number
  endMs: number
  endLsn: bigint
  timeline: number
  /** Each holds the whole chain. */
  targets: TargetId[]
  /** A drill has proven it, and with it its chain, at one of them. */
  isProven: boolean
}

/** Oldest first. */
export function anchorsOf(summary: SourceSummary | undefined): Anchor[] {
  const rows = new Map(physicalRows(summary).map((row) => [row.backupId, row]))
  return [...rows.values()]
    .flatMap((row) => {
      const targets = chainTargets(row, rows)
      return row.physical && row.snapshotAt && targets.length > 0
        ? [anchor(row, row.physical, row.snapshotAt, targets)]
        : []
    })
    .sort((a, b) => a.endMs - b.endMs)
}

/** Newest first. */
export function physicalRows(summary: SourceSummary | undefined): BackupRow[] {
  if (summary === undefined) return []
  const rows = [...summary.recent, ...(summary.olderPhysical ?? []), ...(summary.firstBase ? [summary.firstBase] : [])]
  const physical = rows.filter((row) => row.physical !== undefined)
  return [...new Map(physical.map((row) => [row.backupId, row])).values()]
}

function anchor(
  { backupId, kind, startedAt, copies }: BackupRow,
  { endLsn, timeline }: NonNullable<BackupRow['physical']>,
  snapshotAt: Moment,
  targets: TargetId[],
): Anchor {
  const times = { startMs: Date.parse(startedAt), endMs: Date.parse(snapshotAt) }
  const isProven = targets.some((target) => copies[target] === 'proven')
  return { backupId, kind: kind as BackupKind, ...times, endLsn: parseLsn(endLsn), timeline, targets, isProven }
}

/** A chain is recovered from one target; a parent nobody remembers is a parent nobody has. */
function chainTargets(row: BackupRow, rows: ReadonlyMap<string, BackupRow>): TargetId[] {
  let targets = holders(row)
  const seen = new Set<string>([row.backupId])
  let parent = row.physical?.parent
  while (parent !== undefined && targets.length > 0) {
    const next = seen.has(parent) ? undefined : rows.get(parent)
    const held = next ? holders(next) : []
    targets = targets.filter((target) => held.includes(target))
    seen.add(parent)
    parent = next?.physical?.parent
  }
  return targets
}

function holders({ copies }: BackupRow): TargetId[] {
  return (Object.entries(copies) as [TargetId, string][]).flatMap(([target, state]) =>
    state === 'stored' || state === 'proven' ? [target] : [],
  )
}

/** What is known of the WAL of a source; without a record nobody can say since when it is kept, so no window is claimed. */
export interface KnownWal {
  state?: WalState | undefined
  record?: WalRecord | undefined
}

/** A window with the backups that lead into it. */
export interface WindowWithAnchors extends RecoveryWindow {
  anchors: Anchor[]
}

/**
 * Between the beginning, the holes and what is safe now: from the end of the oldest base in each stretch to where the stretch ends. A base of a branch that was
 * left leads nowhere the cluster is now; while the ancestors of its timeline are not known, those of that timeline alone count.
 */
export function windowsOf(anchors: readonly Anchor[], known: KnownWal): WindowWithAnchors[] {
  return stretches(known).flatMap(({ start, end, until, current, path }) => {
    const own = anchors.filter(
      ({ endLsn, endMs, timeline }) =>
        isOnPath(path, timeline, endLsn) && start <= endLsn && endLsn <= end && endMs <= Date.parse(until),
    )
    const [first] = own
    if (first === undefined) return []
    const proven = own.find(({ isProven }) => isProven)
    const provenFrom = proven ? { provenFrom: moment(proven.endMs) } : {}
    return [{ from: moment(first.endMs), to: until, base: first.backupId, ...provenFrom, current, anchors: own }]
  })
}

/**
 * The newest backup behind which no hole is known, so that it leads to the end of the WAL. Right after it was taken, and for long where the cluster is idle, nothing that is
 * known to be safe lies behind its end, and no window begins with it: it leads to its own end all the same.
 */
export function leadsToTheEnd(anchors: readonly Anchor[], known: KnownWal): Anchor | undefined {
  const last = stretches(known).at(-1)
  return (
    last && anchors.findLast(({ endLsn, timeline }) => isOnPath(last.path, timeline, endLsn) && last.start <= endLsn)
  )
}

interface Stretch {
  start: bigint
  end: bigint
  /** When what lies at its end was written. */
  until: Moment
  current: boolean
  path: Path
}

function stretches({ state, record }: KnownWal): Stretch[] {
  if (state === undefined || record === undefined || record.systemIdentifier !== state.systemIdentifier) return []
  const path = wayOf(state)
  const holes = holesOnWay(record.holes, state).sort((a, b) => (parseLsn(a.from) < parseLsn(b.from) ? -1 : 1))
  const starts = [parseLsn(record.since.lsn), ...holes.map(({ to }) => parseLsn(to))]
  const ends = holes.map(({ from, until }) => ({ end: parseLsn(from), until }))
  const now = { end: parseLsn(state.safe.lsn), until: state.safe.at }
  return [...ends, now].map(({ end, until }, i) => ({
    start: starts[i] as bigint,
    end,
    until,
    current: i === holes.length,
    path,
  }))
}
