import type { RunId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'

/** A ledger entry with its moments as milliseconds, so that deciders compare numbers. */
export interface RunTimes {
  id: RunId
  entry: LedgerEntry
  dueMs: number
  lateMs: number
  deadlineMs: number
  /** Some agent has begun an attempt, however it ended. */
  begun: boolean
  /** Infinity before the first attempt. */
  beganMs: number
  endedMs: number | undefined
}

export function timesOf(entry: LedgerEntry): RunTimes {
  return {
    id: entry.runId,
    entry,
    dueMs: Date.parse(entry.dueAt),
    lateMs: Date.parse(entry.lateAt),
    deadlineMs: Date.parse(entry.deadlineAt),
    begun: entry.attempt > 0,
    beganMs: entry.beganAt === undefined ? Infinity : Date.parse(entry.beganAt),
    endedMs: entry.endedAt === undefined ? undefined : Date.parse(entry.endedAt),
  }
}

/** An agent works on it, or has begun an attempt and is to try again. */
export function isActive(entry: LedgerEntry): boolean {
  return entry.state === 'running' || (entry.state === 'wished' && entry.attempt > 0)
}

/** Planned or on the bus, and no agent has ever begun it. */
export function isUnbegun(entry: LedgerEntry): boolean {
  return entry.state === 'expected' || (entry.state === 'wished' && entry.attempt === 0)
}
