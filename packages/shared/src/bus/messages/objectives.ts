import { Moment } from '../../domain/ids.ts'
import { Objectives } from '../../domain/objectives.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

/** What a source's promises are worth has changed: one is kept or broken, a window begins elsewhere, recovery takes longer. */
export const ObjectivesMeasured = defineMessage({
  subject: 'objectives.measured',
  version: 1,
  class: 'fact',
  owner: 'scheduler',
  summary: 'What would come back of a source and how soon has changed; at most once a minute for each source.',
  // Several schedulers see the same change; one telling a minute is enough.
  dedupeKey: (data) => `${data.sourceId}/${data.measuredAt.slice(0, 16)}`,
  route: (data) => data.sourceId,
  data: Objectives.extend({ measuredAt: Moment }),
})
export type ObjectivesMeasured = DataOf<typeof ObjectivesMeasured>
