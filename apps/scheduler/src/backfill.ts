import type { Backfill, OwedCopy } from '@lifeboat/catalog/backfill/decide.ts'
import { backfillsFromBus } from '@lifeboat/catalog/backfill/gather.ts'
import { CopyRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import { WalRefillRequested } from '@lifeboat/shared/bus/messages/wal.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, parseLsn } from '@lifeboat/shared/domain/wal.ts'
import type { SchedulerDeps } from './deps.ts'

export const BACKFILL_LOOK_MS = 60_000
const HOUR_MS = 3_600_000
/** As long as something is owed; otherwise once an hour, for every record is read. */
const BUSY_EVERY_MS = 5 * 60_000
/** Copies a target is asked for at a time: what waits on the bus is not lost, and what is not asked yet can be thought better of. */
const AT_ONCE = 4
/** A target may be away while its WAL is asked for: it is asked again each hour for as long as this after the last copy. */
const WAL_FOLLOWS_MS = 24 * HOUR_MS
/** After this long a wish is taken to have come to nothing, and holds nobody else up. */
const PATIENCE_MS = 6 * HOUR_MS

type Needs = Pick<SchedulerDeps, 'bus' | 'catalog' | 'wal' | 'expiry' | 'spread' | 'clock' | 'log'>

/**
 * Has targets that were added later filled with what they would keep, a few copies at a time. Nothing is remembered but what was asked lately: what is owed
 * is looked up again each time, so whoever takes over goes on where it stands.
 */
export class BackfillRounds {
  readonly #deps: Needs
  /** By target, source and backup: when it was asked for last. */
  readonly #asked = new Map<string, number>()
  #lookedMs = Number.NEGATIVE_INFINITY
  #busy = false

  constructor(deps: Needs) {
    this.#deps = deps
  }

  async round(): Promise<void> {
    const { bus, catalog, clock, expiry, log, spread } = this.#deps
    const [{ keeping }, { targetsOf }] = [expiry, spread]
    const nowMs = clock.now()
    if (Math.abs(nowMs - this.#lookedMs) < (this.#busy ? BUSY_EVERY_MS : HOUR_MS)) return
    this.#busy = false
    const owedTo = new Map<TargetId, OwedCopy[]>()
    for await (const { sourceId, ...fill } of backfillsFromBus(bus, catalog, { keeping, targetsOf, nowMs })) {
      const { targetId, done, owed, filledMs = Number.NEGATIVE_INFINITY } = fill
      this.#forget(sourceId, fill)
      if (owed.length > 0 || nowMs - filledMs < WAL_FOLLOWS_MS) await this.#askForWal(sourceId, fill, nowMs)
      if (owed.length === 0) continue
      this.#busy = true
      owedTo.set(targetId, [...(owedTo.get(targetId) ?? []), ...this.#next(fill, nowMs)])
      const facts = { sourceId, targetId, owed: owed.length, done: done.copies }
      log.info({ event: 'backfill.owed', ...facts }, 'a target that was added later is being filled')
    }
    for (const [targetId, owed] of owedTo) await this.#ask(targetId, owed, nowMs)
    this.#lookedMs = nowMs
  }

  /** Of one source, no more than may be asked for. */
  #next({ owed }: Backfill, nowMs: number): OwedCopy[] {
    return owed
      .filter((one) => !this.#waits(keyOf(one), nowMs))
      .toSorted((a, b) => this.#askedMs(a) - this.#askedMs(b))
      .slice(0, AT_ONCE)
  }

  /** What came to nothing is asked for again behind what was not asked for yet. Two schedulers ask for the same within the same hour, which counts once. */
  async #ask(targetId: TargetId, owed: readonly OwedCopy[], nowMs: number): Promise<void> {
    const waiting = [...this.#asked.keys()].filter((key) => key.startsWith(`${targetId}/`) && this.#waits(key, nowMs))
    const free = Math.max(0, AT_ONCE - waiting.length)
    for (const one of owed.toSorted((a, b) => this.#askedMs(a) - this.#askedMs(b)).slice(0, free)) {
      const { sourceId, backupId, reasons } = one
      const about = { sourceId, backupId, targetId, reason: `added later, and would stay there: ${reasons[0]}` }
      await this.#deps.bus.publish(CopyRemakeRequested, { ...about, requestedAt: hourOf(nowMs) })
      this.#asked.set(keyOf(one), nowMs)
    }
  }

  #waits(key: string, nowMs: number): boolean {
    return Math.abs(nowMs - (this.#asked.get(key) ?? Number.NEGATIVE_INFINITY)) <= PATIENCE_MS
  }

  #askedMs(one: OwedCopy): number {
    return this.#asked.get(keyOf(one)) ?? 0
  }

  /** What is there by now makes room for others, of whatever source. */
  #forget(sourceId: SourceId, { targetId, owed }: Backfill): void {
    const still = new Set(owed.map((one) => keyOf(one)))
    for (const key of this.#asked.keys())
      if (key.startsWith(`${targetId}/${sourceId}/`) && !still.has(key)) this.#asked.delete(key)
  }

  /** From the oldest base that is or will be there. What lies there already is found by listing and not put again. */
  async #askForWal(sourceId: SourceId, { targetId, walFrom }: Backfill, nowMs: number): Promise<void> {
    const { bus, wal, spread } = this.#deps
    const targets = [...spread.walTargetsOf(sourceId)]
    const state = (await wal.get(sourceId))?.value
    if (walFrom === undefined || state === undefined || targets.length < 2 || !targets.includes(targetId)) return
    const { agentId, systemIdentifier, segmentBytes } = state
    const from = formatLsn((parseLsn(walFrom) / BigInt(segmentBytes)) * BigInt(segmentBytes))
    const about = { sourceId, agentId, targetId, targets, systemIdentifier, segmentBytes, from }
    await bus.publish(WalRefillRequested, { ...about, reason: 'added later', requestedAt: hourOf(nowMs) })
  }
}

function keyOf({ targetId, sourceId, backupId }: OwedCopy): string {
  return `${targetId}/${sourceId}/${backupId}`
}

function hourOf(nowMs: number) {
  return moment(Math.floor(nowMs / HOUR_MS) * HOUR_MS)
}
