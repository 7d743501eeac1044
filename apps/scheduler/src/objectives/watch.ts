import type { WalSurvey } from '@lifeboat/catalog/audit/wal-survey.ts'
import type { SourceSummary } from '@lifeboat/catalog/catalog.ts'
import { measureObjectives } from '@lifeboat/catalog/objectives.ts'
import { physicalRows } from '@lifeboat/catalog/objectives-window.ts'
import { holesOnWay, wayOf } from '@lifeboat/catalog/wal-record.ts'
import { ObjectivesMeasured } from '@lifeboat/shared/bus/messages/objectives.ts'
import { type Moment, moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Objectives } from '@lifeboat/shared/domain/objectives.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import type { SchedulerDeps } from '../deps.ts'
import { baseAfterHole } from './base-after-hole.ts'
import { showGauges } from './gauges.ts'
import { isNews, type Told } from './told.ts'
import { WalRecords } from './wal-records.ts'

export const LOOK_EVERY_MS = 10_000
/** Backups come by the hour, and reading what is known of all of them is dear. */
const SUMMARIES_EVERY_MS = 60_000

/** What is known of one source at the last look. */
export interface Measured {
  objectives: Objectives
  /** When the newest attempt that failed began. */
  lastFailed?: Moment | undefined
  /** The moment the newest stored backup brings back. */
  lastAvailable?: Moment | undefined
  wal?: WalState | undefined
}

type WatchDeps = Pick<
  SchedulerDeps,
  | 'bus'
  | 'catalog'
  | 'ledger'
  | 'view'
  | 'wal'
  | 'walRecords'
  | 'walSurveys'
  | 'told'
  | 'plans'
  | 'promises'
  | 'metrics'
  | 'clock'
  | 'log'
>

/** Measures again and again what would come back of each source, remembers holes in its WAL, and tells what changed. */
export class ObjectivesWatch {
  readonly #deps: WatchDeps
  readonly #records: WalRecords
  readonly #measured = new Map<SourceId, Measured>()
  /** Of sources whose WAL is kept: they are measured at every look. */
  #summaries = new Map<SourceId, SourceSummary>()
  #summariesAtMs = Number.NEGATIVE_INFINITY
  #told: Map<SourceId, Told> | undefined

  constructor(deps: WatchDeps) {
    this.#deps = deps
    this.#records = new WalRecords(deps)
    showGauges(deps.metrics, this.#measured, deps.clock)
  }

  async look(): Promise<void> {
    const nowMs = this.#deps.clock.now()
    const states = new Map<SourceId, WalState>()
    for await (const { value } of this.#deps.wal.entries()) states.set(value.sourceId, value)
    const surveys = new Map<SourceId, WalSurvey>()
    for await (const { value } of this.#deps.walSurveys.entries()) surveys.set(value.sourceId, value)
    await this.#records.note([...states.values()], surveys, nowMs)
    if (Math.abs(nowMs - this.#summariesAtMs) >= SUMMARIES_EVERY_MS) await this.#lookAtAll(states, nowMs)
    else
      for (const sourceId of states.keys())
        if (this.#measured.has(sourceId)) this.#measure(sourceId, this.#summaries.get(sourceId), states, nowMs)
    await this.#tell(nowMs)
  }

  async #lookAtAll(states: ReadonlyMap<SourceId, WalState>, nowMs: number): Promise<void> {
    const summaries = new Map((await this.#deps.catalog.summaries()).map((summary) => [summary.sourceId, summary]))
    const sources = new Set(this.#deps.plans.map(({ sourceId }) => sourceId))
    for (const sourceId of sources) this.#measure(sourceId, summaries.get(sourceId), states, nowMs)
    for (const known of [...this.#measured.keys()]) if (!sources.has(known)) this.#measured.delete(known)
    this.#summaries = new Map([...summaries].filter(([sourceId]) => states.has(sourceId)))
    for (const state of states.values()) await this.#askForBase(state, nowMs)
    this.#summariesAtMs = nowMs
  }

  #measure(
    sourceId: SourceId,
    summary: SourceSummary | undefined,
    states: ReadonlyMap<SourceId, WalState>,
    nowMs: number,
  ): void {
    const [state, record, promise] = [states.get(sourceId), this.#records.get(sourceId), this.#deps.promises[sourceId]]
    const objectives = measureObjectives({ sourceId, summary, state, record, promise, nowMs })
    const failed = summary?.recent.find((row) => row.state === 'failed')
    const available = summary?.recent.find((row) => row.state === 'stored' || row.state === 'proven')
    this.#measured.set(sourceId, {
      objectives,
      lastFailed: failed?.startedAt,
      lastAvailable: available && (available.snapshotAt ?? available.startedAt),
      wal: state,
    })
  }

  /** Written down as a run that is due: the next tick makes a wish of it. */
  async #askForBase(state: WalState, nowMs: number): Promise<void> {
    const { sourceId } = state
    const hole = holesOnWay(this.#records.get(sourceId)?.holes ?? [], state).at(-1)
    if (hole === undefined) return
    const { ledger, view, log } = this.#deps
    const plans = this.#deps.plans.filter((plan) => plan.sourceId === sourceId)
    const runs = view.all().filter((run) => run.sourceId === sourceId)
    const physical = physicalRows(this.#summaries.get(sourceId))
    const entry = baseAfterHole({ hole, way: wayOf(state), physical, plans, runs, nowMs })
    if (entry === undefined || !(await ledger.expect(entry))) return
    view.note(entry)
    log.warn({ event: 'base.demanded', sourceId, runId: entry.runId, reason: entry.reason }, 'a base is asked for')
  }

  /** Publishes first and remembers after: told twice within a minute is told once. */
  async #tell(nowMs: number): Promise<void> {
    this.#told ??= await this.#readTold()
    for (const [sourceId, { objectives }] of this.#measured) {
      if (!isNews(objectives, this.#told.get(sourceId), nowMs)) continue
      // Another scheduler may have told it meanwhile.
      const elsewhere = (await this.#deps.told.get(sourceId))?.value
      const told = { ...objectives, measuredAt: moment(nowMs) }
      if (isNews(objectives, elsewhere, nowMs)) {
        await this.#deps.bus.publish(ObjectivesMeasured, told)
        await this.#deps.told.put(sourceId, told)
        const { rpoMs, windows, kept } = objectives
        this.#deps.log.info(
          { event: 'objectives.measured', sourceId, rpoMs, windows, kept },
          'a promise stands otherwise',
        )
      }
      this.#told.set(sourceId, elsewhere && !isNews(objectives, elsewhere, nowMs) ? elsewhere : told)
    }
  }

  async #readTold(): Promise<Map<SourceId, Told>> {
    const told = new Map<SourceId, Told>()
    for await (const { value } of this.#deps.told.entries()) told.set(value.sourceId, value)
    return told
  }
}
