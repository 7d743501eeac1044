import { type BackupRecord, stateOf } from '@lifeboat/shared/domain/backup.ts'
import type { Moment, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { BackupRow, SourceSummary } from './catalog.ts'

export const RECENT_ROWS = 64

/** The line of `backup list`. */
export function rowOf(record: BackupRecord): BackupRow {
  const { backupId, sourceId, policyId, kind, startedAt, sealedAt, bytes, summary } = record
  return {
    backupId,
    sourceId,
    policyId,
    kind,
    state: stateOf(record),
    startedAt,
    ...(sealedAt === undefined ? {} : { sealedAt }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(summary === undefined ? {} : { rows: summary.rows }),
    copies: Object.fromEntries(Object.entries(record.copies).map(([target, copy]) => [target, copy.state])),
  }
}

/** Newest first; the id decides between two of one moment, so that every reader sees the same order. */
export function newestFirst(a: BackupRow, b: BackupRow): number {
  if (a.startedAt !== b.startedAt) return a.startedAt < b.startedAt ? 1 : -1
  return a.backupId < b.backupId ? 1 : a.backupId > b.backupId ? -1 : 0
}

export function emptySummary(sourceId: SourceId): SourceSummary {
  return { sourceId, recent: [] }
}

/**
 * Takes one record into the summary of its source.
 *
 * `lost` tells that the record was the last sealed, stored or proven one and is so no more (a later drill disproved it): which one takes its
 * place only all records can say, so the caller summarizes them from the start.
 */
export function summarize(before: SourceSummary, record: BackupRecord): { summary: SourceSummary; lost: boolean } {
  const others = before.recent.filter((row) => row.backupId !== record.backupId)
  const recent = [...others, rowOf(record)].sort(newestFirst).slice(0, RECENT_ROWS)
  const lastSealed = later(before.lastSealed, sealedOf(record), record)
  const lastStored = later(before.lastStored, storedOf(record), record)
  const lastProven = later(before.lastProven, provenOf(record), record, (proven) => proven.snapshotAt)
  const summary: SourceSummary = {
    sourceId: record.sourceId,
    recent,
    ...(lastSealed.value && { lastSealed: lastSealed.value }),
    ...(lastStored.value && { lastStored: lastStored.value }),
    ...(lastProven.value && { lastProven: lastProven.value }),
  }
  return { summary, lost: lastSealed.lost || lastStored.lost || lastProven.lost }
}

/** The summary of all records of one source. */
export function summarizeAll(sourceId: SourceId, records: Iterable<BackupRecord>): SourceSummary {
  let summary = emptySummary(sourceId)
  for (const record of records) summary = summarize(summary, record).summary
  return summary
}

type Pointer = { backupId: string; at: Moment }

function later<P extends Pointer>(
  known: P | undefined,
  offered: P | undefined,
  record: BackupRecord,
  rank: (pointer: P) => string = (pointer) => pointer.at,
): { value: P | undefined; lost: boolean } {
  const own = known?.backupId === record.backupId
  if (offered === undefined) return { value: own ? undefined : known, lost: own }
  if (known === undefined) return { value: offered, lost: false }
  // Its rank may have fallen behind another's, e.g. when an earlier moment became known.
  if (own) return { value: offered, lost: rank(offered) < rank(known) }
  const order = rank(offered) === rank(known) ? offered.backupId > known.backupId : rank(offered) > rank(known)
  return { value: order ? offered : known, lost: false }
}

function sealedOf({ backupId, sealedAt, bytes }: BackupRecord): SourceSummary['lastSealed'] {
  return sealedAt === undefined || bytes === undefined ? undefined : { backupId, at: sealedAt, bytes }
}

/** Stored since the copy came that made them enough. */
function storedOf(record: BackupRecord): SourceSummary['lastStored'] {
  const state = stateOf(record)
  if (record.sealedAt === undefined || (state !== 'stored' && state !== 'proven')) return undefined
  const moments = Object.values(record.copies).flatMap(({ state, storedAt }) =>
    storedAt === undefined || state === 'disproven' ? [] : [storedAt],
  )
  const at = moments.sort()[record.requiredCopies - 1]
  return at === undefined ? undefined : { backupId: record.backupId, at }
}

function provenOf(record: BackupRecord): SourceSummary['lastProven'] {
  if (stateOf(record) !== 'proven' || record.snapshotAt === undefined) return undefined
  const { backupId, snapshotAt } = record
  const proofs = Object.entries(record.copies)
    .flatMap(([targetId, { state, conclusion }]) =>
      state === 'proven' && conclusion ? [{ targetId, at: conclusion.at }] : [],
    )
    .sort((a, b) => (a.at === b.at ? a.targetId.localeCompare(b.targetId) : a.at < b.at ? -1 : 1))
  const first = proofs[0]
  return first && { backupId, at: first.at, snapshotAt, targetId: first.targetId as TargetId }
}
