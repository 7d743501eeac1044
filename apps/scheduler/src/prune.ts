import type { RunId } from '@lifeboat/shared/domain/ids.ts'
import type { SchedulerDeps } from './deps.ts'

/** Longer than a year, so that last year's run of a yearly policy is still there. */
const KEEP_MS = 400 * 86_400_000

/** Forgets runs nobody asks about any more. */
export async function pruneLedger({
  ledger,
  clock,
  log,
}: Pick<SchedulerDeps, 'ledger' | 'clock' | 'log'>): Promise<void> {
  const oldest = clock.now() - KEEP_MS
  const old: RunId[] = []
  for await (const { runId, dueAt } of ledger.entries()) if (Date.parse(dueAt) < oldest) old.push(runId)
  for (const runId of old) await ledger.forget(runId)
  if (old.length > 0) log.info({ event: 'ledger.pruned', runs: old.length }, 'forgot old runs')
}
