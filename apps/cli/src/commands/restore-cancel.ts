import { moment, RestoreId, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { CANCELS_BUCKET } from '@lifeboat/shared/run/cancels.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { operator } from '../operator.ts'
import { endOf, readHistory } from '../restore/history.ts'

/** Ends a restore before its swap. It changes nothing in production, so it needs no signature; who asked and why goes into the audit as it was said. */
export const restoreCancel: Command<{ restore: string; why?: string }> = ({ restore, why: reason }, context) =>
  withFleet(context, [], async ({ bus }) => {
    const known = RestoreId.safeParse(restore)
    if (!known.success) throw new LifeboatError('RESTORE_UNKNOWN', { restoreId: restore })
    // Nothing is told yet of one whose agent is away; it finds the cancel there when it comes back.
    const events = (await readHistory(bus)).get(restore) ?? []
    const over = endOf(events)
    if (over) throw new LifeboatError('RESTORE_ENDED', { restoreId: restore, event: over.event, at: over.at })
    const runId = restore as string as RunId
    const cancels = await bus.bucket(CANCELS_BUCKET)
    const said = { by: operator(), ...(reason !== undefined && { reason }), at: moment(context.clock.now()) }
    await cancels.put(runId, { runId, why: 'cancelled', ...said })
    const text = () =>
      events.length === 0
        ? `nobody has told of ${restore} yet: look whether the id is right; where its agent is away, it finds this when it comes back`
        : `${restore} was asked to end; unless it has swapped meanwhile nothing changes. \`lifeboat restore status ${restore}\` tells`
    return { value: { restoreId: restore, state: events.length === 0 ? 'unheard' : 'ending' }, text }
  })
