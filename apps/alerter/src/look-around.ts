import type { BackupRow, SealedTo, SourceSummary } from '@lifeboat/catalog/catalog.ts'
import { EXPIRY_OUTCOME_KEY, EXPIRY_WATCH_KEY } from '@lifeboat/catalog/expiry/buckets.ts'
import { measureObjectives } from '@lifeboat/catalog/objectives.ts'
import { physicalRows } from '@lifeboat/catalog/objectives-window.ts'
import { knownRows } from '@lifeboat/catalog/summarize.ts'
import type { Entry } from '@lifeboat/shared/bus/bus.ts'
import type { Copy } from '@lifeboat/shared/domain/backup.ts'
import { eachOnce, type Footing, footingKey, ofNow } from '@lifeboat/shared/domain/footing.ts'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { type Presence, readFootings, SILENT_AFTER_MS } from '@lifeboat/shared/service/presence.ts'
import type { AlerterDeps } from './deps.ts'
import type { Letter } from './letters.ts'
import { waitingForDrill } from './rules/waiting-for-drill.ts'
import { planKey, type WatchedFooting, type WatchedService, type WatchedWal, type World } from './world.ts'

/** Summaries are the dear part of looking; backups do not change by the second. */
const SUMMARIES_EVERY_MS = 30_000
const TIDY_EVERY_MS = 10 * 60_000

/** Gathers what the rules judge. Keeps in mind who was seen when, and what was looked up once and does not change. */
export class LookAround {
  readonly #deps: AlerterDeps
  readonly #sinceMs: number
  readonly #seen = new Map<string, number>()
  #tables = new Map<BackupId, number>()
  #drillReasons = new Map<string, string[]>()
  #backups: Map<string, BackupRow[]> = new Map()
  #summaries = new Map<SourceId, SourceSummary>()
  #bad: BackupRow[] = []
  #ofSets: BackupRow[] = []
  #sealedTo = new Map<SourceId, SealedTo[]>()
  #physical = new Map<SourceId, BackupRow[]>()
  #damaged = new Map<BackupId, string[]>()
  #backupsAtMs = Number.NEGATIVE_INFINITY
  #tidiedAtMs: number

  constructor(deps: AlerterDeps) {
    this.#deps = deps
    this.#sinceMs = deps.clock.now()
    this.#tidiedAtMs = this.#sinceMs
  }

  async look(): Promise<World> {
    const { clock, plans, drills, view } = this.#deps
    const nowMs = clock.now()
    await this.#lookAtBackups(nowMs)
    if (Math.abs(nowMs - this.#tidiedAtMs) >= TIDY_EVERY_MS) {
      view.tidy()
      this.#tidiedAtMs = nowMs
    }
    const wal = await this.#wal()
    return {
      nowMs,
      watchingSinceMs: Math.min(this.#sinceMs, nowMs),
      plans,
      drills,
      runs: view.byPlan(),
      backups: this.#backups,
      tables: this.#tables,
      drillReasons: this.#drillReasons,
      ...(await this.#services(nowMs)),
      letters: await this.#letters(),
      objectives: this.#objectives(wal, nowMs),
      wal,
      physical: this.#physical,
      damaged: this.#damaged,
      bad: this.#bad,
      ofSets: this.#ofSets,
      sealedTo: this.#sealedTo,
      identities: this.#deps.identities,
      expirySchedule: this.#deps.expirySchedule,
      ...(await this.#keeping()),
    }
  }

  async #lookAtBackups(nowMs: number): Promise<void> {
    if (Math.abs(nowMs - this.#backupsAtMs) < SUMMARIES_EVERY_MS) return
    const summaries = await this.#deps.catalog.summaries()
    const rows = summaries.flatMap(({ recent }) => recent)
    this.#bad = summaries.flatMap(({ olderBad = [] }) => olderBad)
    this.#ofSets = summaries.flatMap(knownRows).filter(({ set }) => set !== undefined)
    this.#backups = Map.groupBy(rows, planKey)
    this.#tables = await this.#tablesOfNewest()
    this.#drillReasons = new Map([...(await this.#reasonsOfDisproven(rows)), ...(await this.#reasonsOfWaiting(nowMs))])
    this.#summaries = new Map(summaries.map((summary) => [summary.sourceId, summary]))
    this.#physical = new Map(summaries.map((summary) => [summary.sourceId, physicalRows(summary)]))
    this.#sealedTo = new Map(summaries.map(({ sourceId, sealedTo = [] }) => [sourceId, sealedTo]))
    this.#damaged = await this.#damagedFiles()
    this.#backupsAtMs = nowMs
  }

  async #tablesOfNewest(): Promise<Map<BackupId, number>> {
    const found = new Map<BackupId, number>()
    for (const rows of this.#backups.values()) {
      const newest = rows.find((row) => row.sealedAt !== undefined)
      if (newest === undefined) continue
      const { backupId, sourceId } = newest
      const tables = this.#tables.get(backupId) ?? (await this.#deps.catalog.get(backupId, sourceId))?.summary?.tables
      if (typeof tables === 'number') found.set(backupId, tables)
    }
    return found
  }

  async #reasonsOfDisproven(rows: readonly BackupRow[]): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>()
    for (const { backupId, sourceId, copies } of rows) {
      if (!Object.values(copies).includes('disproven')) continue
      const record = await this.#deps.catalog.get(backupId, sourceId)
      for (const [target, copy] of Object.entries(record?.copies ?? {}))
        if (copy.lastDrill?.verdict === 'failed') found.set(`${backupId}/${target}`, toldBy(copy.lastDrill))
    }
    return found
  }

  /** Why the one that has waited longest was drilled in vain, if it was. */
  async #reasonsOfWaiting(nowMs: number): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>()
    for (const plan of this.#deps.plans) {
      const rows = this.#backups.get(planKey(plan)) ?? []
      const oldest = waitingForDrill(rows, plan.proveWithinMs, nowMs).at(-1)
      if (oldest === undefined) continue
      const record = await this.#deps.catalog.get(oldest.backupId, oldest.sourceId)
      for (const [target, { lastDrill }] of Object.entries(record?.copies ?? {}))
        if (lastDrill?.verdict === 'inconclusive') found.set(`${oldest.backupId}/${target}`, toldBy(lastDrill))
    }
    return found
  }

  async #damagedFiles(): Promise<Map<BackupId, string[]>> {
    const found = new Map<BackupId, string[]>()
    for (const { backupId, sourceId, physical } of [...this.#physical.values()].flat()) {
      if (!physical?.checksumFailures) continue
      const files =
        this.#damaged.get(backupId) ?? (await this.#deps.catalog.get(backupId, sourceId))?.physical?.checksums.failures
      if (files) found.set(backupId, files)
    }
    return found
  }

  async #wal(): Promise<WatchedWal[]> {
    const { wal, walStates, walRecords } = this.#deps
    if (wal.length === 0) return []
    const states = new Map<string, WatchedWal['state']>()
    for await (const { key, value } of walStates.entries()) states.set(key, value)
    const records = new Map<string, WatchedWal['record']>()
    for await (const { key, value } of walRecords.entries()) records.set(key, value)
    return wal.map((one) => ({ ...one, state: states.get(one.sourceId), record: records.get(one.sourceId) }))
  }

  async #keeping(): Promise<Pick<World, 'surveys' | 'walDamage' | 'locked' | 'expiry' | 'expiryWatch'>> {
    const { surveys, walDamage, locked, expiry, expiryWatch } = this.#deps
    return {
      surveys: (await Array.fromAsync(surveys.entries())).map(({ value }) => value),
      walDamage: (await Array.fromAsync(walDamage.entries())).map(({ value }) => value),
      locked: (await Array.fromAsync(locked.entries())).map(({ value }) => value),
      expiry: (await expiry.get(EXPIRY_OUTCOME_KEY))?.value,
      expiryWatch: (await expiryWatch.get(EXPIRY_WATCH_KEY))?.value,
    }
  }

  #objectives(wal: readonly WatchedWal[], nowMs: number): World['objectives'] {
    const known = new Map(wal.map((one) => [one.sourceId, one]))
    return (Object.entries(this.#deps.promises) as [SourceId, { rpo: number; rto: number }][]).map(
      ([sourceId, promise]) => {
        const { state, record } = known.get(sourceId) ?? {}
        return measureObjectives({ sourceId, summary: this.#summaries.get(sourceId), state, record, promise, nowMs })
      },
    )
  }

  async #services(nowMs: number): Promise<Pick<World, 'services' | 'footings'>> {
    const entries = await Array.fromAsync(this.#deps.presence.entries())
    for (const { value, writtenAt } of entries) {
      // A server's clock that runs ahead must not make a dead service look alive for long.
      const atMs = Math.min(writtenAt, nowMs)
      for (const key of [value.service, `${value.service}.${value.id}`])
        this.#seen.set(key, Math.max(atMs, this.#seen.get(key) ?? Number.NEGATIVE_INFINITY))
    }
    const services = this.#deps.services.map((service): WatchedService => {
      const key = service.name === undefined ? service.service : `${service.service}.${service.name}`
      return { ...service, lastSeenMs: this.#seen.get(key) }
    })
    return { services, footings: this.#footings(entries, await readFootings(this.#deps.footingsTold)) }
  }

  #footings(entries: readonly Entry<Presence>[], known: ReadonlyMap<string, Footing[]>): WatchedFooting[] {
    // Of a process that was killed the entry stays for a day. Beats are compared with each other, for this host's clock may be off.
    const newest = Math.max(...entries.map(({ writtenAt }) => writtenAt))
    const live = entries.filter(({ writtenAt }) => newest - writtenAt < SILENT_AFTER_MS)
    const told = eachOnce(live.flatMap(({ key, value }) => ofNow(known.get(key) ?? [], Date.parse(value.at))))
    const byKey = new Map(told.map((footing) => [footingKey(footing), footing]))
    return this.#deps.watchedFootings.map((watched) => ({ ...watched, found: byKey.get(footingKey(watched)) }))
  }

  async #letters(): Promise<Letter[]> {
    const letters: Letter[] = []
    for await (const { value } of this.#deps.letters.entries()) letters.push(value)
    return letters
  }
}

function toldBy({ reasons, hints = [] }: NonNullable<Copy['lastDrill']>): string[] {
  return [...reasons, ...hints]
}
