import { z } from 'zod'
import { ErrorReportSchema } from '../errors/error-report.ts'
import { Moment } from './ids.ts'

/** Something a process stands on besides the bus, as it was when the process looked last: what is wrong now is known before the next run fails. */
export const Footing = z.object({
  part: z.enum(['source', 'target', 'spool', 'scratch', 'mail']),
  /** Of the source or target; of the agent whose spool it is, or of the mail server; `verifier` for what drills need. */
  name: z.string(),
  at: Moment,
  /** Since when it has been so, held or not. */
  since: Moment,
  /** Absent: it held. */
  error: ErrorReportSchema.optional(),
})
export type Footing = z.infer<typeof Footing>

/** Looks come every few minutes; one that is older hangs, and says nothing of now. */
const OLD_AFTER_MS = 15 * 60_000

/** Those that were looked at lately, by the clock of the process that looked. */
export function ofNow(footings: readonly Footing[], itsNowMs: number): Footing[] {
  return footings.filter(({ at }) => itsNowMs - Date.parse(at) < OLD_AFTER_MS)
}

/** One and the same thing has one, whoever tells of it. */
export function footingKey({ part, name }: Pick<Footing, 'part' | 'name'>): string {
  return `${part} ${name}`
}

/** Of several processes that look at the same, one for which it does not hold is believed. */
export function eachOnce(footings: readonly Footing[]): Footing[] {
  const byName = Map.groupBy(footings, footingKey)
  return [...byName.values()].flatMap((same) => same.find(({ error }) => error !== undefined) ?? same.slice(0, 1))
}
