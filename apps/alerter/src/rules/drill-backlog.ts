import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { planKey, type Rule } from '../world.ts'
import { waitingForDrill } from './waiting-for-drill.ts'

const WAITS_OVER_MS = 6 * 3_600_000
/** Fewer are told per source, when their time is up (see unproven.ts). */
const MANY = 5

/** The verifiers do not keep up: many backups wait for a drill, whatever their source. */
export const drillBacklog: Rule = (world) => {
  const waiting = world.plans
    .flatMap((plan) => waitingForDrill(world.backups.get(planKey(plan)) ?? [], WAITS_OVER_MS, world.nowMs))
    .sort((a, b) => (a.backupId < b.backupId ? -1 : 1))
  const [oldest] = waiting
  if (oldest === undefined || waiting.length < MANY) return []
  const sources = [...new Set(waiting.map((row) => row.sourceId))]
  return [
    {
      cause: 'drill-backlog.all',
      rule: 'drill-backlog',
      severity: 'warning',
      title: 'Drills do not keep up with backups',
      details: [
        `${waiting.length} backups have waited more than ${formatDuration(WAITS_OVER_MS)} for a drill`,
        `The oldest: ${oldest.backupId} of ${oldest.sourceId}`,
        `Sources: ${sources.slice(0, 20).join(', ')}${sources.length > 20 ? ` and ${sources.length - 20} more` : ''}`,
      ],
      hint: 'None is cancelled. Look whether the verifiers run; start more of them or raise verifier.concurrency.',
    },
  ]
}
