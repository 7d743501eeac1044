import { setTimeout as pause } from 'node:timers/promises'
import { followFacts } from '@lifeboat/catalog/follow-facts.ts'
import { BackupFailed, BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { SchedulerDeps } from './deps.ts'
import { sweepDrills } from './drill-sweep.ts'
import { askForDrill } from './handlers/ask-for-drill.ts'
import { noteDeadLetter } from './handlers/note-dead-letter.ts'
import { noteDrill } from './handlers/note-drill.ts'
import { noteFailed, noteSealed } from './handlers/note-outcome.ts'
import { pruneLedger } from './prune.ts'
import { Ticker } from './tick.ts'
import { watchAlerter } from './watch-alerter.ts'

const MINUTE = 60_000

/** Starts the consumers and the timers, nothing else; any number of schedulers may run. */
export async function startScheduler(deps: SchedulerDeps, signal: AbortSignal): Promise<void> {
  const { bus } = deps
  await followFacts(bus, deps.catalog, { signal })
  await bus.consume({ type: BackupSealed, durable: 'runs-sealed' }, noteSealed(deps), { signal })
  await bus.consume({ type: BackupFailed, durable: 'runs-failed' }, noteFailed(deps), { signal })
  await bus.consume({ type: DrillFinished, durable: 'drills-finished' }, noteDrill(deps), { signal })
  await bus.consume({ type: CopyStored, durable: 'drills' }, askForDrill(deps), { signal })
  await bus.consumeDeadLetters('runs-dead', noteDeadLetter(deps), { signal })
  const ticker = new Ticker(deps)
  await Promise.all([
    repeat(deps, signal, 'tick', deps.tickMs, () => ticker.tick()),
    repeat(deps, signal, 'drill-sweep', 10 * MINUTE, () => sweepDrills(deps)),
    repeat(deps, signal, 'alerter-watch', MINUTE, watchAlerter(deps)),
    repeat(deps, signal, 'ledger-prune', 6 * 60 * MINUTE, () => pruneLedger(deps)),
  ])
}

/** What fails is logged and done again next time: the work itself is written so that this loses and doubles nothing. */
async function repeat(
  { log }: Pick<SchedulerDeps, 'log'>,
  signal: AbortSignal,
  name: string,
  everyMs: number,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    const began = performance.now()
    try {
      await work()
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      if (!signal.aborted)
        log[err.level]({ event: `${name}.failed`, err }, 'a round failed; the next one makes up for it')
    }
    // A big fleet makes a round long; the process has other things to do as well.
    const restMs = Math.max(everyMs, 4 * (performance.now() - began))
    await pause(restMs, undefined, { signal }).catch(() => {})
  }
}
