import type { RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { errorText } from '../format/error-text.ts'
import type { Style } from '../format/style.ts'
import type { Outcome } from '../output.ts'
import { cancelledText } from './audit-text.ts'
import { conclusionOf } from './history.ts'

/** What came of a command whose end is no fact on the bus any more: facts are kept for 90 days, the audit for good. @param events of one that is over */
export function outOfAudit(events: readonly RestoreAudited[]): Outcome {
  const end = conclusionOf(events)
  if (!end) throw new LifeboatError('INTERNAL', { message: 'a command that is not over' })
  const { restoreId, agentId, sourceId, event: outcome, at, cancelledBy, cancelReason, error } = end
  const swap = events.find(({ event }) => event === 'swapped')
  const aside = end.aside ?? swap?.aside
  const value = {
    ...{ restoreId, agentId, sourceId, outcome, at },
    ...(swap && { swapped: true }),
    ...(aside !== undefined && { aside }),
    ...(cancelledBy !== undefined && { cancelledBy }),
    ...(cancelReason !== undefined && { cancelReason }),
    ...(error && { error }),
  }
  const text = (style: Style) =>
    [
      `${restoreId}: ${outcome === 'done' ? style.good(outcome) : style.bad(outcome)} at ${at}${cancelledBy === undefined ? '' : ` ${cancelledText(end)}`}`,
      ...(swap ? ['It was put in place.'] : []),
      ...(aside === undefined ? [] : [`What was there before was kept as ${aside}.`]),
      ...(error ? [errorText(error, style)] : []),
      `What else its agent told of the end has left the bus; \`lifeboat restore status ${restoreId}\` shows what the audit holds.`,
    ].join('\n')
  return { value, text, ...(outcome !== 'done' && { exit: 'failed' as const }) }
}
