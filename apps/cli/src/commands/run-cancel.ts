import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { moment, RunId } from '@lifeboat/shared/domain/ids.ts'
import { RUN_LIFECYCLE } from '@lifeboat/shared/domain/ledger.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { CANCELS_BUCKET } from '@lifeboat/shared/run/cancels.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { operator } from '../operator.ts'

/** Asks whoever works on a run to end it; a run nobody began is ended at once. */
export const runCancel: Command<{ runId: string }> = (args, context) =>
  withFleet(context, [], async ({ bus }) => {
    const runId = parseRunId(args.runId)
    const ledger = await Ledger.open(bus)
    const entry = await ledger.get(runId)
    // Drills are not expected beforehand, so the ledger does not know them.
    if (!entry && !runId.startsWith('drill.')) throw new LifeboatError('RUN_UNKNOWN', { runId })
    if (entry && RUN_LIFECYCLE[entry.state].cancel === 'refuse')
      throw new LifeboatError('RUN_ENDED', { runId, state: entry.state, endedAt: entry.endedAt })
    const at = moment(context.clock.now())
    const cancels = await bus.bucket(CANCELS_BUCKET)
    await cancels.put(runId, { runId, why: 'cancelled', by: operator(), at })
    const ended = entry !== undefined && (await endUnbegun(ledger, runId, at))
    const told = ended ? 'cancelled before it began' : 'asked to end; `lifeboat status` shows when it has'
    return { value: { runId, state: ended ? 'cancelled' : 'ending' }, text: () => `${runId} was ${told}` }
  })

async function endUnbegun(ledger: Ledger, runId: RunId, at: ReturnType<typeof moment>): Promise<boolean> {
  const details = { endedAt: at, reason: `cancelled by ${operator()} before it began` }
  const when = (entry: { state: string }) => entry.state !== 'running'
  return (await ledger.apply(runId, 'cancel', details, { when })).outcome === 'changed'
}

function parseRunId(given: string): RunId {
  const parsed = RunId.safeParse(given)
  if (!parsed.success) throw new LifeboatError('RUN_UNKNOWN', { runId: given })
  return parsed.data
}
