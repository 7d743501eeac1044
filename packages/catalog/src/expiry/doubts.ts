import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { misdated, SKEW_MS } from './misdated.ts'
import { allowedAfter, backupDays, LONGEST_SILENCE_MS, newestLongPause } from './pauses.ts'
import type { ExpiryQuestion } from './question.ts'

/** What the backups themselves say against deciding now: a clock that jumped, backups that stopped, parents nobody knows. */
export function doubtsAbout(question: ExpiryQuestion): string[] {
  return [...clockDoubts(question), ...chainDoubts(question)]
}

/**
 * A clock that jumps looks like backups that stopped, before the first backup by the new clock and after it. It is believed when there are new backups of as long
 * as any rule reaches back: from then on nothing goes that would have stayed without the jump, and one that really stood still goes on as before.
 */
function clockDoubts(question: ExpiryQuestion): string[] {
  const { sourceId, nowMs } = question
  const wrong = misdated(question)
  const backups = wrong.size === 0 ? question.backups : question.backups.filter(({ backupId }) => !wrong.has(backupId))
  const days = backupDays(backups)
  const newest = days.at(-1)?.lastMs
  if (newest === undefined) return []
  if (newest > nowMs + SKEW_MS) {
    const ahead = backups.find(({ sealed, atMs }) => sealed && atMs === newest)?.backupId
    return [
      `${ahead} of ${sourceId} lies ${formatDuration(newest - nowMs)} in the future: look at the clocks here and on its host; when they are right, one more backup of ${sourceId} ends this`,
    ]
  }
  if (nowMs - newest > allowedAfter(days))
    return [`the newest backup is ${formatDuration(nowMs - newest)} old: either backups stopped or the clock jumped`]
  const pause = newestLongPause(days)
  if (pause === undefined) return []
  const settledMs = pause.untilMs + Math.max(LONGEST_SILENCE_MS, longestRule(question))
  if (newest >= settledMs) return []
  const { lengthMs, untilMs } = pause
  return [
    `no backup was taken for ${formatDuration(lengthMs)} until ${dayOf(untilMs)}: either backups stopped or the clock jumped; this ends with the first backup after ${dayOf(settledMs)}`,
  ]
}

/** Milliseconds the rules look back, where they count time and not backups. */
function longestRule({ backups, rulesOf, walWindowMs = 0 }: ExpiryQuestion): number {
  let longest = walWindowMs
  const asked = new Set<string>()
  for (const { policyId, copies } of backups)
    for (const { targetId } of copies) {
      const key = `${policyId} ${targetId}`
      if (asked.has(key)) continue
      asked.add(key)
      const { within = 0, minAge = 0 } = rulesOf(policyId, targetId) ?? {}
      longest = Math.max(longest, within, minAge)
    }
  return longest
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

function chainDoubts({ backups }: ExpiryQuestion): string[] {
  const known = new Set(backups.map(({ backupId }) => backupId))
  const orphan = backups.find(({ needs }) => needs.some((id) => !known.has(id)))
  if (orphan === undefined) return []
  const parent = orphan.needs.find((id) => !known.has(id))
  return [`${orphan.backupId} needs ${parent}, which the catalogue does not know; rebuild it from a target`]
}
