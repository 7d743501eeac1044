import type { BackupId, DrillId, Moment } from '@lifeboat/shared/domain/ids.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'

/** `2026-09-26 02:00:00Z`: sorts, and cannot be mistaken for local time. */
export function timeText(moment: string | undefined): string {
  return moment === undefined ? '–' : moment.replace('T', ' ').replace(/\.\d+Z$/, 'Z')
}

/** `3 h 5 min ago`, `in 12 min`. */
export function sinceText(moment: string | undefined, nowMs: number): string {
  if (moment === undefined) return '–'
  const ms = nowMs - Date.parse(moment)
  return ms >= 0 ? `${formatDuration(ms)} ago` : `in ${formatDuration(-ms)}`
}

/** When a backup or drill began, as its id says: `20260926T020000Z-dump-k3f9qa`. */
export function beginOf(id: BackupId | DrillId): Moment {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(id) ?? []
  return `${y}-${mo}-${d}T${h}:${mi}:${s}.000Z` as Moment
}
