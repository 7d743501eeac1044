import type { Raw } from '../references.ts'
import { occurrences } from '../schedule.ts'
import { text } from './raw.ts'

export function widestGapMs(schedule: Raw): number | undefined {
  try {
    const runs = someRuns(text(schedule.cron) ?? '', text(schedule.zone), 50).map((run) => run.getTime())
    return runs.length < 2 ? undefined : Math.max(...runs.slice(1).map((run, i) => run - (runs[i] as number)))
  } catch {
    return undefined
  }
}

/** From a fixed day on, so that the same file always gets the same answer. */
export function someRuns(cron: string, zone: string | undefined, count: number): Date[] {
  return occurrences({ cron, zone }, new Date('2026-01-01T00:00:00Z'), count)
}
