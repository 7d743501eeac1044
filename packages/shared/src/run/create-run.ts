import type { Bus } from '../bus/bus.ts'
import type { RunId } from '../domain/ids.ts'
import type { Logger } from '../log/logger.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { firstToFire } from './first-to-fire.ts'
import type { Progress, Run } from './run.ts'

const EVERY_MS = 1_000

export interface RunOptions {
  id: RunId
  /** Name of the service, for whoever watches progress. */
  service: string
  /** Any of them ends the run; the first to fire gives the reason. */
  signals: readonly AbortSignal[]
  /** Bind runId, sourceId, backupId … before. */
  log: Logger
  bus: Pick<Bus, 'sendProgress'>
  clock?: Clock
}

/**
 * A Run whose progress goes over the bus at most once a second; disposing it sends what was reported last.
 *
 * ```ts
 * using cancelled = cancels.of(id)
 * using overdue = deadline(ms)
 * using run = createRun({ id, service: 'verifier', signals: [delivery.signal, cancelled.signal, overdue.signal], log, bus })
 * ```
 */
export function createRun(opts: RunOptions): Run & Disposable {
  const clock = opts.clock ?? systemClock
  const ended = firstToFire(opts.signals)
  let unsent: Progress | undefined
  let sentAt = Number.NEGATIVE_INFINITY
  const send = () => {
    if (unsent === undefined) return
    sentAt = clock.now()
    opts.bus.sendProgress({ ...unsent, runId: opts.id, service: opts.service, at: sentAt })
    unsent = undefined
  }
  return {
    id: opts.id,
    signal: ended.signal,
    log: opts.log,
    report(progress) {
      // A new phase is news; what the one before reported last is its end.
      if (unsent !== undefined && unsent.phase !== progress.phase) send()
      unsent = progress
      if (Math.abs(clock.now() - sentAt) >= EVERY_MS) send()
    },
    [Symbol.dispose]() {
      ended[Symbol.dispose]()
      send()
    },
  }
}
