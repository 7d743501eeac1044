import { RunDeviated } from '@lifeboat/shared/bus/messages/run.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { SchedulerDeps } from './deps.ts'

/** Within this the stream recognises a repetition, so that telling again is harmless. */
const TOLD_AGAIN_WITHIN_MS = 90 * 60_000

/** Tells that a run left the ordinary way, and stops the one that took too long. The ledger says so already. */
export async function tellDeviation(
  { bus, cancels, log }: Pick<SchedulerDeps, 'bus' | 'cancels' | 'log'>,
  entry: LedgerEntry,
  nowMs: number,
): Promise<void> {
  const { runId, sourceId, policyId, state, endedAt, reason = '' } = entry
  if (state !== 'skipped' && state !== 'missed' && state !== 'overdue') return
  const at = endedAt ?? moment(nowMs)
  if (state === 'overdue') await cancels.put(runId, { runId, why: 'overdue', by: 'scheduler', at })
  const { duplicate } = await bus.publish(RunDeviated, { runId, sourceId, policyId, state, at, reason })
  if (!duplicate) log.warn({ event: 'run.deviated', runId, state, reason }, 'a run left the ordinary way')
}

/** After a start: what another scheduler, or this one before it died, may have written down and not told. */
export async function tellRecentDeviations(deps: SchedulerDeps, nowMs: number): Promise<void> {
  const recent = deps.view.all().filter(({ endedAt }) => endedAt && nowMs - Date.parse(endedAt) < TOLD_AGAIN_WITHIN_MS)
  for (const entry of recent) await tellDeviation(deps, entry, nowMs)
}
