import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { WatchedDrill, World } from './world.ts'
import { planKey } from './world.ts'

export interface PastRun {
  entry: LedgerEntry
  dueMs: number
  lateMs: number
  deadlineMs: number
  begun: boolean
  active: boolean
  /** Infinity when nobody has begun it. */
  beganMs: number
  /** Infinity while it goes on. */
  endedMs: number
}

/** The plan's runs whose time has come, oldest first. */
export function pastRuns(world: World, plan: WatchedDrill): PastRun[] {
  return (world.runs.get(planKey(plan)) ?? [])
    .map(timesOf)
    .filter((run) => run.dueMs <= world.nowMs || run.begun)
    .sort((a, b) => a.dueMs - b.dueMs)
}

/** Runs after the last one that succeeded. */
export function sinceSuccess(runs: readonly PastRun[]): PastRun[] {
  return runs.slice(runs.findLastIndex((run) => run.entry.state === 'succeeded') + 1)
}

/** The run that was going on when this one was due, unless it ended so long ago that this one should have begun. */
export function runInTheWay(
  runs: readonly PastRun[],
  run: PastRun,
  graceMs: number,
  nowMs: number,
): PastRun | undefined {
  return runs.find(
    (other) =>
      other !== run &&
      other.begun &&
      other.beganMs <= run.dueMs &&
      other.endedMs > run.dueMs &&
      (run.entry.state === 'skipped' || other.endedMs + graceMs > nowMs),
  )
}

function timesOf(entry: LedgerEntry): PastRun {
  return {
    entry,
    dueMs: Date.parse(entry.dueAt),
    lateMs: Date.parse(entry.lateAt),
    deadlineMs: Date.parse(entry.deadlineAt),
    begun: entry.attempt > 0,
    active: entry.state === 'running' || (entry.state === 'wished' && entry.attempt > 0),
    beganMs: entry.beganAt === undefined ? Infinity : Date.parse(entry.beganAt),
    endedMs: entry.endedAt === undefined ? Infinity : Date.parse(entry.endedAt),
  }
}
