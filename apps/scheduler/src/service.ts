import { followFacts } from '@lifeboat/catalog/follow-facts.ts'
import { BackupFailed, BackupSealed, BackupUnchanged } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { WalExpired } from '@lifeboat/shared/bus/messages/expiry.ts'
import { repeat } from '@lifeboat/shared/service/repeat.ts'
import { BACKFILL_LOOK_MS, BackfillRounds } from './backfill.ts'
import type { SchedulerDeps } from './deps.ts'
import { sweepDrills } from './drill-sweep.ts'
import { EXPIRY_LOOK_MS, ExpiryRounds } from './expiry.ts'
import { askForDrill } from './handlers/ask-for-drill.ts'
import { holdMember } from './handlers/hold-member.ts'
import { noteDeadLetter } from './handlers/note-dead-letter.ts'
import { noteDrill } from './handlers/note-drill.ts'
import { noteFailed, noteSealed, noteUnchanged } from './handlers/note-outcome.ts'
import { noteWalExpired } from './handlers/note-wal-expired.ts'
import { LOOK_EVERY_MS, ObjectivesWatch } from './objectives/watch.ts'
import { pruneLedger } from './prune.ts'
import { Ticker } from './tick.ts'
import { watchAlerter } from './watch-alerter.ts'

const MINUTE = 60_000

/** Starts the consumers and the timers, nothing else; any number of schedulers may run. */
export async function startScheduler(deps: SchedulerDeps, signal: AbortSignal): Promise<void> {
  const { bus } = deps
  await followFacts(bus, deps.catalog, { signal })
  await bus.consume({ type: BackupSealed, durable: 'runs-sealed' }, noteSealed(deps), { signal })
  await bus.consume({ type: BackupSealed, durable: 'set-holds' }, holdMember(deps), { signal })
  await bus.consume({ type: BackupUnchanged, durable: 'runs-unchanged' }, noteUnchanged(deps), { signal })
  await bus.consume({ type: BackupFailed, durable: 'runs-failed' }, noteFailed(deps), { signal })
  await bus.consume({ type: DrillFinished, durable: 'drills-finished' }, noteDrill(deps), { signal })
  await bus.consume({ type: CopyStored, durable: 'drills' }, askForDrill(deps), { signal })
  await bus.consumeDeadLetters('runs-dead', noteDeadLetter(deps), { signal })
  await bus.consume({ type: WalExpired, durable: 'wal-expired' }, noteWalExpired(deps), { signal })
  const ticker = new Ticker(deps)
  const expiry = new ExpiryRounds(deps)
  const backfill = new BackfillRounds(deps)
  const objectives = new ObjectivesWatch(deps)
  const objectivesRest = (tookMs: number) => Math.max(LOOK_EVERY_MS, 4 * tookMs)
  const rounds = { log: deps.log, signal }
  // A big fleet makes a round long, and the process has other things to do as well.
  const tickRest = (tookMs: number) => Math.max(deps.tickMs, 4 * tookMs)
  await Promise.all([
    repeat('tick', tickRest, () => ticker.tick(), rounds),
    repeat('objectives', objectivesRest, () => objectives.look(), rounds),
    repeat('drill-sweep', 10 * MINUTE, () => sweepDrills(deps), rounds),
    repeat('backfill', BACKFILL_LOOK_MS, () => backfill.round(), rounds),
    repeat('expiry', EXPIRY_LOOK_MS, () => expiry.round(), rounds),
    repeat('alerter-watch', MINUTE, watchAlerter(deps), rounds),
    repeat('ledger-prune', 6 * 60 * MINUTE, () => pruneLedger(deps), rounds),
  ])
}
