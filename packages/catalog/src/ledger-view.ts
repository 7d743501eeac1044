import { setTimeout as pause } from 'node:timers/promises'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Ledger } from './ledger.ts'

const AGAIN_AFTER_MS = 2_000
/** Changes after which old runs are let go: a ledger keeps more than a year, and opening it must not hold all of that. */
const TIDY_EVERY = 2_000

export interface LedgerViewOptions {
  clock: Clock
  log: Logger
  signal: AbortSignal
  /** Ended runs that were due longer ago than this leave the view, unless they are the newest of their policy and source. */
  keepMs: number
}

/**
 * The part of the ledger deciders look at again and again, held in memory and kept up by watching: every run that is not over, the recent
 * ones, and of each policy and source the newest that succeeded. It may lag behind; whoever acts on it does so through `Ledger.apply`.
 */
export class LedgerView {
  readonly #runs = new Map<string, Map<string, LedgerEntry>>()
  readonly #clock: Clock
  readonly #keepMs: number
  #changes = 0

  private constructor(opts: LedgerViewOptions) {
    this.#clock = opts.clock
    this.#keepMs = opts.keepMs
  }

  /** Resolves when the ledger as it is now has been read; follows it until the signal fires. */
  static async open(ledger: Ledger, opts: LedgerViewOptions): Promise<LedgerView> {
    const view = new LedgerView(opts)
    await new Promise<void>((resolve) => void view.#follow(ledger, opts, resolve))
    opts.signal.throwIfAborted()
    view.tidy()
    return view
  }

  all(): LedgerEntry[] {
    return [...this.#runs.values()].flatMap((runs) => [...runs.values()])
  }

  /** By `<policy>.<source>`, oldest first. */
  byPlan(): Map<string, LedgerEntry[]> {
    const sorted = (runs: Map<string, LedgerEntry>) => [...runs.values()].sort((a, b) => (a.dueAt < b.dueAt ? -1 : 1))
    return new Map([...this.#runs].map(([key, runs]) => [key, sorted(runs)]))
  }

  /** What the caller knows already, before the watch tells. */
  note(entry: LedgerEntry): void {
    const key = planOf(entry)
    const runs = this.#runs.get(key) ?? new Map<string, LedgerEntry>()
    this.#runs.set(key, runs.set(entry.runId, entry))
  }

  drop(entry: Pick<LedgerEntry, 'runId' | 'policyId' | 'sourceId'>): void {
    this.#runs.get(planOf(entry))?.delete(entry.runId)
  }

  /** Lets old runs go; call now and then. */
  tidy(): void {
    const oldest = this.#clock.now() - this.#keepMs
    for (const runs of this.#runs.values()) {
      const entries = [...runs.values()].sort((a, b) => (a.dueAt < b.dueAt ? 1 : -1))
      const newest = new Set([entries[0], entries.find(({ state }) => state === 'succeeded')])
      for (const entry of entries)
        if (!newest.has(entry) && OVER.has(entry.state) && Date.parse(entry.dueAt) < oldest) runs.delete(entry.runId)
    }
  }

  /** What was removed no longer says whose it was. */
  #dropRun(runId: string): void {
    for (const runs of this.#runs.values()) if (runs.delete(runId)) return
  }

  async #follow(ledger: Ledger, { signal, log }: LedgerViewOptions, caughtUp: () => void): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const { runId, entry } of ledger.watch({ signal, caughtUp })) {
          if (entry) this.note(entry)
          else this.#dropRun(runId)
          if (++this.#changes % TIDY_EVERY === 0) this.tidy()
        }
      } catch (err) {
        if (!signal.aborted) log.warn({ event: 'ledger.unwatched', err }, 'the ledger cannot be watched; trying again')
      }
      await pause(AGAIN_AFTER_MS, undefined, { signal }).catch(() => {})
    }
    caughtUp()
  }
}

const OVER = new Set(['succeeded', 'failed', 'cancelled', 'overdue', 'skipped', 'missed'])

function planOf({ policyId, sourceId }: Pick<LedgerEntry, 'policyId' | 'sourceId'>): string {
  return `${policyId}.${sourceId}`
}
