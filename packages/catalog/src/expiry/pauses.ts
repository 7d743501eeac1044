import type { Candidate } from './question.ts'

const DAY = 86_400_000
/** A backup every month still comes in time. */
export const LONGEST_SILENCE_MS = 35 * DAY
const RHYTHM = 4

/** A day on which backups were taken; those that were taken together stand for one. */
interface BackupDay {
  firstMs: number
  lastMs: number
}

/** A time without backups: it is over with the one at `untilMs`. */
interface Pause {
  lengthMs: number
  untilMs: number
}

/** Oldest first. What was let go counts: its record says when there were backups. */
export function backupDays(backups: readonly Candidate[]): BackupDay[] {
  const days = new Map<number, BackupDay>()
  for (const { sealed, atMs } of backups) {
    if (!sealed) continue
    const number = Math.floor(atMs / DAY)
    const known = days.get(number)
    if (known === undefined) days.set(number, { firstMs: atMs, lastMs: atMs })
    else {
      known.firstMs = Math.min(known.firstMs, atMs)
      known.lastMs = Math.max(known.lastMs, atMs)
    }
  }
  return [...days.values()].sort((a, b) => a.firstMs - b.firstMs)
}

/** How long may pass after the last of these days: three times what two of the last four pauses reached, so that no single jump of a clock makes the next one usual. */
export function allowedAfter(days: readonly BackupDay[]): number {
  const lengths = pausesOf(days.slice(-(RHYTHM + 1))).map(({ lengthMs }) => lengthMs)
  const [, usual = 0] = lengths.sort((a, b) => b - a)
  return Math.max(LONGEST_SILENCE_MS, 3 * usual)
}

/** The newest pause that was longer than allowed. */
export function newestLongPause(days: readonly BackupDay[]): Pause | undefined {
  return pausesOf(days).findLast(
    ({ lengthMs }, i) => lengthMs > LONGEST_SILENCE_MS && lengthMs > allowedAfter(days.slice(0, i + 1)),
  )
}

function pausesOf(days: readonly BackupDay[]): Pause[] {
  return days.slice(1).map(({ firstMs }, i) => ({
    lengthMs: firstMs - (days[i] as BackupDay).lastMs,
    untilMs: firstMs,
  }))
}
