import { type Histories, isOnPath, pathTo, type Stretch, stretchFrom } from '@lifeboat/shared/domain/timelines.ts'
import type { Lsn, Timeline } from '@lifeboat/shared/domain/wal.ts'
import { formatLsn, parseLsn, segmentAt } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Goal, Wanted } from '../goal.ts'
import { type Chain, chainOf, lastOf, type PhysicalBackup } from './chain.ts'
import { type ListedWal, type Reach, reachAlong } from './coverage.ts'
import { refuseGoal } from './refuse-goal.ts'

/** Everything there is at one target. */
export interface Stock {
  backups: readonly PhysicalBackup[]
  wal: readonly ListedWal[]
  histories: Histories
  /** Milliseconds UTC. */
  now: number
}

/** How to get there. */
export interface RecoveryPlan {
  goal: Goal
  chain: Chain
  /** `current`: the one the backup was taken on, needing no archive. */
  timeline: Timeline | 'current'
  /** The WAL to be replayed out of the archive; undefined when the backup's own is enough. */
  wal: PlannedWal | undefined
  /** What the operator should know beforehand, one sentence each. */
  notes: string[]
}

export interface PlannedWal {
  path: readonly Stretch[]
  segmentBytes: number
  /** Recovery begins to need the archive here. */
  from: Lsn
  /** The archive leads without a hole up to here, this position excluded. */
  end: Lsn
  /** On the way from `from` to `end`. */
  objects: readonly ListedWal[]
  bytes: number
}

/**
 * Decides from which backup and along which timeline to recover: the newest backup that ended before the goal.
 *
 * What is certain is refused here. Which commit lies where in the WAL only PostgreSQL finds out while it replays: a time the archive may hold is
 * left to it, and it fails aloud when it ends before.
 *
 * @throws LifeboatError RECOVERY_…
 */
export function planRecovery(stock: Stock, wanted: Wanted): RecoveryPlan {
  const { goal } = wanted
  if (goal.to === 'time' && Date.parse(goal.time) > stock.now)
    throw new LifeboatError('RECOVERY_IN_FUTURE', { goal: goal.time, now: new Date(stock.now).toISOString() })
  const candidates = candidatesOf(stock, wanted)
  if (goal.to === 'end of backup') return planWithoutArchive(candidates, stock, goal)
  const refusals: LifeboatError[] = []
  for (const timeline of timelinesToTry(stock, wanted)) {
    try {
      return planAlong(timeline, candidates, stock, wanted)
    } catch (thrown) {
      refusals.push(LifeboatError.from(thrown))
    }
  }
  throw refusals[0] ?? new LifeboatError('RECOVERY_NO_BASE', {})
}

/** Newest first. */
function candidatesOf({ backups }: Stock, { from }: Wanted): PhysicalBackup[] {
  const found = backups.filter(({ backupId }) => from === undefined || backupId === from)
  if (found.length === 0) throw new LifeboatError('RECOVERY_NO_BASE', { backupId: from, backups: backups.length })
  return found.toSorted((a, b) => (a.snapshotAt < b.snapshotAt ? 1 : -1))
}

function planWithoutArchive(candidates: readonly PhysicalBackup[], stock: Stock, goal: Goal): RecoveryPlan {
  const { chain, notes } = firstWhole(candidates, stock)
  return { goal, chain, timeline: 'current', wal: undefined, notes }
}

/** The newest first. To the end of the WAL there is only one, unless it is asked how far one backup leads: an older timeline leaves out the newest work. */
function timelinesToTry({ backups, histories, wal }: Stock, { goal, timeline, from }: Wanted): Timeline[] {
  const known = new Set<Timeline>([
    ...histories.keys(),
    ...backups.map(({ physical }) => physical.timeline),
    ...wal.flatMap(({ object }) =>
      object.kind === 'history' ? [] : [Number.parseInt(object.segment.slice(0, 8), 16)],
    ),
  ])
  const newestFirst = [...known].sort((a, b) => b - a)
  if (timeline === undefined) return goal.to === 'latest' && !from ? newestFirst.slice(0, 1) : newestFirst
  if (known.has(timeline)) return [timeline]
  throw new LifeboatError('RECOVERY_TIMELINE_UNKNOWN', { timeline, known: newestFirst.map(String) })
}

function planAlong(
  timeline: Timeline,
  candidates: readonly PhysicalBackup[],
  stock: Stock,
  { goal }: Wanted,
): RecoveryPlan {
  const path = pathTo(timeline, stock.histories.get(timeline))
  const onPath = candidates.filter(({ physical }) => isOnPath(path, physical.timeline, parseLsn(physical.endLsn)))
  if (onPath.length === 0) throw new LifeboatError('RECOVERY_NO_BASE', { timeline, backups: candidates.length })
  const before = onPath.filter((backup) => endedBefore(backup, goal))
  if (before.length === 0) throw refuseEarly(onPath, goal)
  // Where a transaction or a restore point lies is in no name: only the oldest base is surely before it.
  const unplaced = goal.to === 'xid' || goal.to === 'name'
  const { chain, notes } = firstWhole(unplaced ? before.toReversed() : before, stock)
  const reach = reachFrom(lastOf(chain), path, stock)
  refuseGoal(
    goal,
    reach,
    segmentAt(stretchFrom(path, reach.end).timeline, reach.end, lastOf(chain).physical.segmentBytes),
  )
  if (unplaced && before.length > 1)
    notes.push(
      'Nothing tells where in the WAL this point lies, so recovery begins at the oldest base; name a later backup to be faster.',
    )
  return { goal, chain, timeline, wal: walOf(chain, path, reach), notes }
}

function endedBefore({ snapshotAt, physical }: PhysicalBackup, goal: Goal): boolean {
  if (goal.to === 'time') return snapshotAt <= goal.time
  return goal.to !== 'lsn' || parseLsn(physical.endLsn) <= parseLsn(goal.lsn)
}

function refuseEarly(onPath: readonly PhysicalBackup[], goal: Goal): LifeboatError {
  const oldest = onPath.at(-1) as PhysicalBackup
  const inside =
    (goal.to === 'time' && goal.time >= oldest.startedAt) ||
    (goal.to === 'lsn' && parseLsn(goal.lsn) >= parseLsn(oldest.physical.startLsn))
  return new LifeboatError(inside ? 'RECOVERY_INSIDE_BASE' : 'RECOVERY_BEFORE_WINDOW', {
    backupId: oldest.backupId,
    earliest: goal.to === 'lsn' ? oldest.physical.endLsn : oldest.snapshotAt,
  })
}

/** The first of them whose parents are all there. */
function firstWhole(candidates: readonly PhysicalBackup[], { backups }: Stock): { chain: Chain; notes: string[] } {
  const notes: string[] = []
  let refusal: LifeboatError | undefined
  for (const candidate of candidates) {
    const answer = chainOf(candidate, backups)
    if ('chain' in answer) return { chain: answer.chain, notes }
    refusal ??= new LifeboatError('RECOVERY_PARENT_MISSING', { missing: answer.missing, backupId: answer.child })
    notes.push(`${candidate.backupId} cannot be used: its ancestor ${answer.missing} is not there.`)
  }
  throw refusal ?? new LifeboatError('RECOVERY_NO_BASE', {})
}

/** A backup of a primary holds its last segment whole; one of a standby only up to its end. */
function reachFrom({ physical }: PhysicalBackup, path: readonly Stretch[], { wal }: Stock): Reach {
  const end = parseLsn(physical.endLsn)
  const segment = BigInt(physical.segmentBytes)
  const from = physical.fromStandby || end % segment === 0n ? end : end - (end % segment) + segment
  return reachAlong(path, from, wal, physical.segmentBytes)
}

function walOf(chain: Chain, path: readonly Stretch[], reach: Reach): PlannedWal {
  const { physical } = lastOf(chain)
  return {
    ...{ path, segmentBytes: physical.segmentBytes, from: physical.endLsn, objects: reach.objects },
    end: formatLsn(reach.end),
    bytes: reach.objects.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
