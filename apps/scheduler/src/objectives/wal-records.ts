import { withArchiveBegin } from '@lifeboat/catalog/audit/archive-begin.ts'
import type { WalSurvey } from '@lifeboat/catalog/audit/wal-survey.ts'
import { recordWal, type WalRecord } from '@lifeboat/catalog/wal-record.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import type { SchedulerDeps } from '../deps.ts'

/** How far WAL was safe is written down this often: with a hole it says up to when recovery goes. */
const WRITE_SAFE_EVERY_MS = 60_000
const TRIES = 5

interface Known {
  record: WalRecord
  revision: number | undefined
  writtenAtMs: number
}

/** The records of WAL in memory, kept up by looking at the agents' states and at what targets were found to hold, and written when they say something new. */
export class WalRecords {
  readonly #deps: Pick<SchedulerDeps, 'walRecords' | 'log'>
  readonly #known = new Map<SourceId, Known>()

  constructor(deps: Pick<SchedulerDeps, 'walRecords' | 'log'>) {
    this.#deps = deps
  }

  get(sourceId: SourceId): WalRecord | undefined {
    return this.#known.get(sourceId)?.record
  }

  /** @param surveys by source, where anybody has looked */
  async note(states: readonly WalState[], surveys: ReadonlyMap<SourceId, WalSurvey>, nowMs: number): Promise<void> {
    for (const state of states) await this.#noteOne(state, surveys.get(state.sourceId), nowMs)
  }

  async #noteOne(state: WalState, survey: WalSurvey | undefined, nowMs: number): Promise<void> {
    for (let tries = 0; tries < TRIES; tries += 1) if (await this.#noted(state, survey, nowMs)) return
  }

  /** @returns false when another scheduler was faster; what it wrote is then known here */
  async #noted(state: WalState, survey: WalSurvey | undefined, nowMs: number): Promise<boolean> {
    const { sourceId } = state
    const known = this.#known.get(sourceId) ?? (await this.#read(sourceId))
    const told = recordWal(known?.record, state, survey?.gone)
    const record = survey === undefined ? told : withArchiveBegin(told, state, survey)
    const news = known === undefined || outline(record) !== outline(known.record)
    if (!news && nowMs - known.writtenAtMs < WRITE_SAFE_EVERY_MS) {
      this.#known.set(sourceId, { ...known, record })
      return true
    }
    const revision = await this.#write(record, known?.revision)
    if (revision === undefined) {
      const theirs = await this.#read(sourceId)
      if (theirs) this.#known.set(sourceId, { ...theirs, writtenAtMs: nowMs })
      return false
    }
    this.#known.set(sourceId, { record, revision, writtenAtMs: nowMs })
    if (news)
      this.#deps.log.info({ event: 'wal.recorded', sourceId, holes: record.holes }, 'wrote down what WAL is kept')
    return true
  }

  async #read(sourceId: SourceId): Promise<Known | undefined> {
    const found = await this.#deps.walRecords.get(sourceId)
    return found && { record: found.value, revision: found.revision, writtenAtMs: Number.NEGATIVE_INFINITY }
  }

  #write(record: WalRecord, revision: number | undefined): Promise<number | undefined> {
    const { walRecords } = this.#deps
    if (revision === undefined) return walRecords.create(record.sourceId, record)
    return walRecords.update(record.sourceId, record, revision)
  }
}

function outline({ systemIdentifier, since, holes }: WalRecord): string {
  return JSON.stringify([systemIdentifier, since, holes])
}
