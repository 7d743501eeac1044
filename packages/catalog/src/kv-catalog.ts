import { isDeepStrictEqual } from 'node:util'
import type { Bucket, Bus, Entry } from '@lifeboat/shared/bus/bus.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { RECORDS, recordKey, type StoredSummary, SUMMARIES, summaryKey } from './buckets.ts'
import type { BackupRow, Catalog, SourceSummary } from './catalog.ts'
import { type BackupDraft, type BackupFact, complete, project } from './project.ts'
import { emptySummary, knownRows, newestFirst, RECENT_ROWS, rowOf, summarize, summarizeAll } from './summarize.ts'

const TRIES = 100

/**
 * The catalogue in a KV bucket: one entry per backup, one per source with its newest rows. Both are written by compare-and-set, the summary
 * after the record; a writer that dies between the two is made up for by the redelivery of its fact.
 */
export class KvCatalog implements Catalog {
  readonly #records: Bucket<BackupDraft>
  readonly #summaries: Bucket<StoredSummary>

  constructor(records: Bucket<BackupDraft>, summaries: Bucket<StoredSummary>) {
    this.#records = records
    this.#summaries = summaries
  }

  static async open(bus: Pick<Bus, 'bucket'>): Promise<KvCatalog> {
    return new KvCatalog(await bus.bucket(RECORDS), await bus.bucket(SUMMARIES))
  }

  async get(backupId: BackupId, sourceId?: SourceId): Promise<BackupRecord | undefined> {
    if (sourceId !== undefined) return complete((await this.#records.get(recordKey(sourceId, backupId)))?.value)
    for await (const { value } of this.#records.entries(recordKey('*', backupId))) return complete(value)
    return undefined
  }

  /** @throws LifeboatError BUS_CONTENDED | BUS_UNREACHABLE */
  async apply(fact: BackupFact): Promise<void> {
    const { value, revision } = await this.#writeRecord(fact)
    const record = complete(value)
    if (record) await this.#writeSummary(record, revision)
  }

  async summary(sourceId: SourceId): Promise<SourceSummary | undefined> {
    const found = await this.#summaries.get(summaryKey(sourceId))
    return found && shown(found.value)
  }

  async summaries(): Promise<SourceSummary[]> {
    const found: SourceSummary[] = []
    for await (const { value } of this.#summaries.entries(summaryKey('*'))) found.push(shown(value))
    return found.sort((a, b) => (a.sourceId < b.sourceId ? -1 : 1))
  }

  async list({ sourceId, limit }: { sourceId?: SourceId; limit: number }): Promise<BackupRow[]> {
    const summaries = sourceId === undefined ? await this.summaries() : [await this.summary(sourceId)]
    const known = summaries.flatMap((summary) => summary?.recent ?? []).sort(newestFirst)
    // A source with fewer rows than a summary holds has no more; any other is known well enough for this many rows.
    const enough = limit <= RECENT_ROWS || summaries.every((summary) => (summary?.recent.length ?? 0) < RECENT_ROWS)
    if (enough) return known.slice(0, limit)
    const rows: BackupRow[] = []
    for await (const record of this.all(sourceId === undefined ? {} : { sourceId })) rows.push(rowOf(record))
    return rows.sort(newestFirst).slice(0, limit)
  }

  async *all({ sourceId }: { sourceId?: SourceId } = {}): AsyncGenerator<BackupRecord> {
    for await (const { value } of this.#records.entries(recordKey(sourceId ?? '*', '*'))) {
      const record = complete(value)
      if (record) yield record
    }
  }

  count(): Promise<number> {
    return this.#records.count('backup.>')
  }

  async #writeRecord(fact: BackupFact): Promise<Omit<Entry<BackupDraft>, 'writtenAt'>> {
    const { backupId, sourceId } = fact.data
    const key = recordKey(sourceId, backupId)
    return persist(key, async () => {
      const found = await this.#records.get(key)
      const value = project(found?.value, fact)
      if (found && isDeepStrictEqual(found.value, value)) return found
      const revision = await write(this.#records, key, value, found?.revision)
      return revision === undefined ? undefined : { key, value, revision }
    })
  }

  async #writeSummary(record: BackupRecord, revision: number): Promise<void> {
    const key = summaryKey(record.sourceId)
    await persist(key, async () => {
      const found = await this.#summaries.get(key)
      const before = found?.value ?? { ...emptySummary(record.sourceId), revisions: {} }
      if ((before.revisions[record.backupId] ?? 0) > revision) return true
      const { summary, lost } = summarize(before, record)
      const current = lost ? await this.#rescan(record.sourceId) : summary
      const value = stored(current, { ...before.revisions, [record.backupId]: revision })
      if (found && isDeepStrictEqual(found.value, value)) return true
      return (await write(this.#summaries, key, value, found?.revision)) === undefined ? undefined : true
    })
  }

  async #rescan(sourceId: SourceId): Promise<SourceSummary> {
    return summarizeAll(sourceId, await Array.fromAsync(this.all({ sourceId })))
  }
}

/** One compare-and-set until it holds; `attempt` gives undefined when somebody else was faster. */
async function persist<R>(key: string, attempt: () => Promise<R | undefined>): Promise<R> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const result = await attempt()
    if (result !== undefined) return result
  }
  throw new LifeboatError('BUS_CONTENDED', { key })
}

function write<T>(bucket: Bucket<T>, key: string, value: T, revision: number | undefined): Promise<number | undefined> {
  return revision === undefined ? bucket.create(key, value) : bucket.update(key, value, revision)
}

/** Revisions are kept for the rows that are kept. */
function stored(summary: SourceSummary, revisions: Record<string, number>): StoredSummary {
  const kept = knownRows(summary).map(({ backupId }) => [backupId, revisions[backupId] ?? 0] as const)
  return { ...summary, revisions: Object.fromEntries(kept) }
}

function shown({ revisions: _revisions, ...summary }: StoredSummary): SourceSummary {
  return summary
}
