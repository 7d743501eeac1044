import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { ExpiryQuestion } from './question.ts'

const DAY = 86_400_000
/** A backup every month still comes in time. */
const LONGEST_SILENCE_MS = 35 * DAY
const SKEW_MS = 3_600_000

/** What the backups themselves say against deciding now: a clock that jumped, backups that stopped, parents nobody knows. */
export function doubtsAbout({ backups, nowMs }: ExpiryQuestion): string[] {
  return [...clockDoubts(backups, nowMs), ...chainDoubts(backups)]
}

function clockDoubts(backups: ExpiryQuestion['backups'], nowMs: number): string[] {
  let [newest, second] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { sealed, atMs } of backups) {
    if (!sealed || atMs <= second) continue
    if (atMs > newest) [newest, second] = [atMs, newest]
    else second = atMs
  }
  if (newest === Number.NEGATIVE_INFINITY) return []
  if (newest > nowMs + SKEW_MS)
    return [`the newest backup lies ${formatDuration(newest - nowMs)} in the future; look at the clocks`]
  const gap = second === Number.NEGATIVE_INFINITY ? 0 : newest - second
  const allowed = Math.max(LONGEST_SILENCE_MS, 3 * gap)
  if (nowMs - newest <= allowed) return []
  return [`the newest backup is ${formatDuration(nowMs - newest)} old: either backups stopped or the clock jumped`]
}

function chainDoubts(backups: ExpiryQuestion['backups']): string[] {
  const known = new Set(backups.map(({ backupId }) => backupId))
  const orphan = backups.find(({ needs }) => needs.some((id) => !known.has(id)))
  if (orphan === undefined) return []
  const parent = orphan.needs.find((id) => !known.has(id))
  return [`${orphan.backupId} needs ${parent}, which the catalogue does not know; rebuild it from a target`]
}
