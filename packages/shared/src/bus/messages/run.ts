import { z } from 'zod'
import { Moment, PolicyId, RunId, SourceId } from '../../domain/ids.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

/** A run left the ordinary way: it was skipped, missed, cancelled, or took too long. */
export const RunDeviated = defineMessage({
  subject: 'run.deviated',
  version: 1,
  class: 'fact',
  owner: 'scheduler',
  summary: 'An expected run was skipped, missed, cancelled or exceeded its time.',
  dedupeKey: (data) => `${data.runId}/${data.state}`,
  route: (data) => data.sourceId,
  data: z.object({
    runId: RunId,
    sourceId: SourceId,
    policyId: PolicyId,
    state: z.enum(['skipped', 'missed', 'cancelled', 'overdue']),
    at: Moment,
    reason: z.string(),
  }),
})
export type RunDeviated = DataOf<typeof RunDeviated>
