import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import type { RunId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { SchedulerDeps } from './deps.ts'
import { type Plan, planKey } from './plans.ts'
import { askForRehearsal, beginRehearsal } from './rehearsals/rehearse.ts'

/** A wish the stream took for a repetition may have been settled before its run was wished again; it is sent again after this. */
const REPEAT_AFTER_MS = 10 * 60_000

/**
 * Publishes the wishes of wished runs and remembers which of them the stream certainly has. A run that is wished in the ledger
 * while this process never saw its wish arrive is wished aloud again: whoever wrote the ledger may have died before publishing.
 * The run id is the message id, so a second publish is a no-op.
 */
export class Wishes {
  readonly #deps: SchedulerDeps
  readonly #plans: Map<string, Plan>
  /** Rehearsals whose drills this process has asked for. */
  readonly #asked = new Set<RunId>()
  readonly #sent = new Map<RunId, { atMs: number; certain: boolean }>()

  constructor(deps: SchedulerDeps) {
    this.#deps = deps
    this.#plans = new Map(deps.plans.map((plan) => [planKey(plan), plan]))
  }

  async publish(entry: LedgerEntry): Promise<void> {
    const { kind } = entry
    if (kind === 'drill') return beginRehearsal(this.#deps, entry)
    const agentId = this.#plans.get(planKey(entry))?.agentId
    if (agentId === undefined) return
    const { runId, sourceId, policyId, requestedBy, dueAt, deadlineAt, set } = entry
    const wish = { runId, agentId, sourceId, policyId, kind, requestedBy, dueAt, deadlineAt, ...(set && { set }) }
    const { duplicate } = await this.#deps.bus.publish(BackupRequested, wish)
    this.#sent.set(runId, { atMs: this.#deps.clock.now(), certain: !duplicate })
    if (!duplicate) this.#deps.log.info({ event: 'backup.requested', runId, agentId }, 'asked for a backup')
  }

  /** Sends again what may have been lost; forgets what has begun. */
  async repeatLost(runs: readonly LedgerEntry[]): Promise<void> {
    const waiting = runs.filter((run) => run.state === 'wished' && run.attempt === 0)
    const ids = new Set(waiting.map((run) => run.runId))
    for (const runId of this.#sent.keys()) if (!ids.has(runId)) this.#sent.delete(runId)
    for (const run of waiting) if (this.#mayBeLost(run.runId)) await this.publish(run)
    for (const run of runs.filter(({ kind, state }) => kind === 'drill' && state === 'running'))
      if (!this.#asked.has(run.runId)) {
        await askForRehearsal(this.#deps, run)
        this.#asked.add(run.runId)
      }
  }

  #mayBeLost(runId: RunId): boolean {
    const sent = this.#sent.get(runId)
    if (sent === undefined) return true
    return !sent.certain && Math.abs(this.#deps.clock.now() - sent.atMs) > REPEAT_AFTER_MS
  }
}
