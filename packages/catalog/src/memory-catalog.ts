import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { BackupRow, Catalog, SourceSummary } from './catalog.ts'
import { type BackupDraft, type BackupFact, complete, project } from './project.ts'
import { newestFirst, rowOf, summarizeAll } from './summarize.ts'

/** A catalogue of this process, for tests and for looking at a target without a bus. Every answer is worked out from the records. */
export class MemoryCatalog implements Catalog {
  readonly #drafts = new Map<BackupId, BackupDraft>()

  async get(backupId: BackupId): Promise<BackupRecord | undefined> {
    return complete(this.#drafts.get(backupId))
  }

  async apply(fact: BackupFact): Promise<void> {
    const { backupId } = fact.data
    this.#drafts.set(backupId, project(this.#drafts.get(backupId), fact))
  }

  async summary(sourceId: SourceId): Promise<SourceSummary | undefined> {
    const records = this.#records(sourceId)
    return records.length === 0 ? undefined : summarizeAll(sourceId, records)
  }

  async summaries(): Promise<SourceSummary[]> {
    const sources = new Set(this.#records().map((record) => record.sourceId))
    return [...sources].sort().map((sourceId) => summarizeAll(sourceId, this.#records(sourceId)))
  }

  async list({ sourceId, limit }: { sourceId?: SourceId; limit: number }): Promise<BackupRow[]> {
    return this.#records(sourceId).map(rowOf).sort(newestFirst).slice(0, limit)
  }

  async *all({ sourceId }: { sourceId?: SourceId } = {}): AsyncGenerator<BackupRecord> {
    yield* this.#records(sourceId)
  }

  async count(): Promise<number> {
    return this.#records().length
  }

  #records(sourceId?: SourceId): BackupRecord[] {
    const records = [...this.#drafts.values()].flatMap((draft) => complete(draft) ?? [])
    return records.filter((record) => sourceId === undefined || record.sourceId === sourceId)
  }
}
