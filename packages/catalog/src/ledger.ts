import type { Bucket, BucketDefinition, Bus } from '@lifeboat/shared/bus/bus.ts'
import type { PolicyId, RunId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LedgerEntry, RUN_LIFECYCLE, type RunEvent } from '@lifeboat/shared/domain/ledger.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

export const LEDGER_BUCKET: BucketDefinition<LedgerEntry> = {
  name: 'lifeboat_ledger',
  summary: 'Expected and wished runs by run id, written down before they are due, and what became of them.',
  schema: LedgerEntry,
}

/** `changed`: written · `same`: the run is there already · `refused`: the lifecycle or a newer attempt says no · `unknown`: no such run. */
export type LedgerOutcome =
  | { outcome: 'changed' | 'same' | 'refused'; entry: LedgerEntry; revision: number }
  | { outcome: 'unknown' }

/** What an event may say besides the new state. `begin` counts the attempt itself. */
export type LedgerDetails = Partial<
  Pick<
    LedgerEntry,
    | 'heldBy'
    | 'drills'
    | 'chosenOf'
    | 'backupId'
    | 'unchanged'
    | 'beganAt'
    | 'endedAt'
    | 'reason'
    | 'error'
    | 'deadlineAt'
    | 'dueAt'
    | 'lateAt'
  >
>

const TRIES = 50

/**
 * The runs that shall happen and what became of them. Every change goes through RUN_LIFECYCLE by compare-and-set, so of two writers one wins
 * and the other sees it.
 */
export class Ledger {
  readonly #bucket: Bucket<LedgerEntry>

  constructor(bucket: Bucket<LedgerEntry>) {
    this.#bucket = bucket
  }

  static async open(bus: Pick<Bus, 'bucket'>): Promise<Ledger> {
    return new Ledger(await bus.bucket(LEDGER_BUCKET))
  }

  async get(runId: RunId): Promise<LedgerEntry | undefined> {
    return (await this.#bucket.get(runId))?.value
  }

  /** Writes a run down; false when it is there already, whatever became of it meanwhile. */
  async expect(entry: Omit<LedgerEntry, 'state' | 'attempt'>): Promise<boolean> {
    const revision = await this.#bucket.create(entry.runId, { ...entry, state: 'expected', attempt: 0 })
    return revision !== undefined
  }

  /**
   * One step of a run.
   *
   * @param opts.attempt the attempt that speaks; an older one than the newest is refused (fencing)
   * @param opts.when looked at before each try: false refuses; for rules such as "only while the holder is dead"
   */
  async apply(
    runId: RunId,
    event: RunEvent,
    details: LedgerDetails = {},
    opts: { attempt?: number; when?: (entry: LedgerEntry) => boolean } = {},
  ): Promise<LedgerOutcome> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const found = await this.#bucket.get(runId)
      if (found === undefined) return { outcome: 'unknown' }
      const { value: entry, revision } = found
      const stale = opts.attempt !== undefined && opts.attempt !== entry.attempt
      const state = RUN_LIFECYCLE[entry.state][event]
      if (stale || state === 'refuse' || opts.when?.(entry) === false) return { outcome: 'refused', entry, revision }
      if (state === entry.state && event !== 'begin') return { outcome: 'same', entry, revision }
      const next = nextEntry(entry, event, { ...details, state })
      const written = await this.#bucket.update(runId, next, revision)
      if (written !== undefined) return { outcome: 'changed', entry: next, revision: written }
    }
    throw new LifeboatError('BUS_CONTENDED', { runId, event })
  }

  /** @param of narrows to one policy, or one policy and source; operators' and scheduled runs alike */
  async *entries(of: { policyId?: PolicyId; sourceId?: SourceId } = {}): AsyncGenerator<LedgerEntry> {
    for await (const { value } of this.#bucket.entries(filterOf(of))) yield value
  }

  /** Every run, then each change as it is made; without `entry` the run was withdrawn or forgotten. */
  async *watch(opts: {
    signal: AbortSignal
    caughtUp?: () => void
  }): AsyncGenerator<{ runId: string; entry: LedgerEntry | undefined }> {
    for await (const { key, value } of this.#bucket.watch(opts)) yield { runId: key, entry: value }
  }

  /** For old entries nobody asks about any more. */
  async forget(runId: RunId): Promise<void> {
    await this.#bucket.delete(runId)
  }
}

/** Run ids are `<policy>.<source>.<moment>`. */
function filterOf({ policyId, sourceId }: { policyId?: PolicyId; sourceId?: SourceId }): string | undefined {
  if (policyId === undefined && sourceId === undefined) return undefined
  return `${policyId ?? '*'}.${sourceId ?? '*'}.>`
}

/** A new attempt starts with a clean sheet; what the one before left would be read as its own. */
function nextEntry(
  entry: LedgerEntry,
  event: RunEvent,
  details: LedgerDetails & Pick<LedgerEntry, 'state'>,
): LedgerEntry {
  if (event !== 'begin') return { ...entry, ...details }
  const { error: _error, reason: _reason, endedAt: _endedAt, ...kept } = entry
  return { ...kept, attempt: entry.attempt + 1, ...details }
}
