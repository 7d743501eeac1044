import { type BackupRecord, stateOf } from '@lifeboat/shared/domain/backup.ts'
import type { Moment, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { FilesFacts, PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import type { BackupRow, FilesRow, PhysicalRow, Rehearsal, SourceSummary } from './catalog.ts'
import { sealedToWith } from './keys/sealed-to.ts'

export const RECENT_ROWS = 64
const OLDER_PHYSICAL_ROWS = 64
const OLDER_BAD_ROWS = 64
const OLDER_ROWS_OF_SETS = 64
const REHEARSALS_OF_A_KIND = 5

/** The line of `backup list`. */
export function rowOf(record: BackupRecord): BackupRow {
  const { backupId, sourceId, policyId, kind, startedAt, snapshotAt, sealedAt, bytes, summary, physical, files } =
    record
  const { unchangedAt, set } = record
  return {
    backupId,
    sourceId,
    policyId,
    kind,
    ...(set === undefined ? {} : { set }),
    state: stateOf(record),
    startedAt,
    ...(snapshotAt === undefined ? {} : { snapshotAt }),
    ...(sealedAt === undefined ? {} : { sealedAt }),
    ...(unchangedAt === undefined ? {} : { unchangedAt }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(summary === undefined ? {} : { rows: summary.rows, databaseBytes: summary.databaseBytes }),
    ...(physical === undefined ? {} : { physical: physicalRow(physical) }),
    ...(files === undefined ? {} : { files: filesRow(files) }),
    copies: Object.fromEntries(Object.entries(record.copies).map(([target, copy]) => [target, copy.state])),
    ...walOf(record),
  }
}

function walOf({ copies }: BackupRecord): Pick<BackupRow, 'wal'> {
  const found = Object.entries(copies).flatMap(([target, { wal }]) =>
    wal === undefined ? [] : [[target, wal] as const],
  )
  return found.length === 0 ? {} : { wal: Object.fromEntries(found) }
}

function physicalRow(facts: PhysicalFacts): PhysicalRow {
  const { timeline, startLsn, endLsn, chain, parent, fullBecause, checksums } = facts
  return {
    ...{ timeline, startLsn, endLsn, chain, checksumFailures: checksums.failures.length },
    ...(parent === undefined ? {} : { parent }),
    ...(fullBecause === undefined ? {} : { fullBecause }),
  }
}

/** Whether a backup of this kind brings back its whole source; exported tables bring back themselves. */
export function bringsBackAll(kind: string): boolean {
  return kind !== 'tables'
}

function filesRow({ root, chain, parent, fullBecause, notices }: FilesFacts): FilesRow {
  return {
    ...{
      root,
      chain,
      unreadable: notices.unreadable?.count ?? 0,
      exposedSecrets: notices['exposed-secret']?.count ?? 0,
    },
    ...(parent === undefined ? {} : { parent }),
    ...(fullBecause === undefined ? {} : { fullBecause }),
  }
}

function isBad({ copies }: BackupRow): boolean {
  return Object.values(copies).some((state) => state === 'missing' || state === 'damaged')
}

/** Newest first; the id decides between two of one moment, so that every reader sees the same order. */
export function newestFirst(a: BackupRow, b: BackupRow): number {
  if (a.startedAt !== b.startedAt) return a.startedAt < b.startedAt ? 1 : -1
  return a.backupId < b.backupId ? 1 : a.backupId > b.backupId ? -1 : 0
}

/** Every row a summary keeps, each once. */
export function knownRows({
  recent,
  olderPhysical = [],
  olderBad = [],
  olderOfSets = [],
}: Pick<SourceSummary, 'recent' | 'olderPhysical' | 'olderBad' | 'olderOfSets'>): BackupRow[] {
  const rows = [...recent, ...olderPhysical, ...olderBad, ...olderOfSets]
  return [...new Map(rows.map((row) => [row.backupId, row])).values()]
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
  const { recent, olderPhysical, olderBad, olderOfSets } = rowsWith(before, record)
  const whole = <P>(of: (from: BackupRecord) => P) => (bringsBackAll(record.kind) ? of(record) : undefined)
  const lastSealed = later(before.lastSealed, whole(sealedOf), record)
  const lastStored = later(before.lastStored, whole(storedOf), record)
  const lastProven = later(before.lastProven, whole(provenOf), record, (proven) => proven.snapshotAt)
  const firstStored = earlier(before.firstStored, whole(firstStoredOf), record, (stored) => stored.at)
  const firstBase = earlier(before.firstBase, baseOf(record), record, (row) => row.backupId)
  const rehearsals = rehearsalsWith(before.rehearsals ?? [], record)
  const sealedTo = sealedToWith(before.sealedTo ?? [], record)
  const summary: SourceSummary = {
    sourceId: record.sourceId,
    recent,
    ...(olderPhysical.length > 0 && { olderPhysical }),
    ...(olderBad.length > 0 && { olderBad }),
    ...(olderOfSets.length > 0 && { olderOfSets }),
    ...(sealedTo.value.length > 0 && { sealedTo: sealedTo.value }),
    ...(firstBase.value && { firstBase: firstBase.value }),
    ...(firstStored.value && { firstStored: firstStored.value }),
    ...(rehearsals.length > 0 && { rehearsals }),
    ...(lastSealed.value && { lastSealed: lastSealed.value }),
    ...(lastStored.value && { lastStored: lastStored.value }),
    ...(lastProven.value && { lastProven: lastProven.value }),
  }
  const pointers = [lastSealed, lastStored, lastProven, firstStored, firstBase]
  const lost = [...pointers, sealedTo].some((one) => one.lost) || gapIn(before.rehearsals ?? [], record)
  return { summary, lost }
}

type Rows = Record<'recent' | 'olderPhysical' | 'olderBad' | 'olderOfSets', BackupRow[]>

/**
 * The recent rows, and of those that fall out of them the ones recovery may still begin with, the ones somebody must look at, and those by
 * which the newest recovery points of sets are judged: a weekly set waits long behind an hourly policy of one of its sources.
 */
function rowsWith(before: SourceSummary, record: BackupRecord): Rows {
  const known = new Map(knownRows(before).map((row) => [row.backupId, row]))
  known.set(record.backupId, rowOf(record))
  const rows = [...known.values()].sort(newestFirst)
  // Exports may come every minute: they must not push the backups of the whole source out.
  const whole = rows.filter(({ kind }) => bringsBackAll(kind))
  const exports = rows.filter(({ kind }) => !bringsBackAll(kind)).slice(0, RECENT_ROWS)
  const older = whole.slice(RECENT_ROWS).filter((row) => row.physical !== undefined)
  const olderPhysical = older.slice(0, OLDER_PHYSICAL_ROWS)
  const recent = [...whole.slice(0, RECENT_ROWS), ...exports].sort(newestFirst)
  const shown = new Set(recent)
  const olderBad = rows.filter((row) => !shown.has(row) && isBad(row)).slice(0, OLDER_BAD_ROWS)
  for (const row of [...olderPhysical, ...olderBad]) shown.add(row)
  const olderOfSets = rows.filter((row) => !shown.has(row) && row.set !== undefined).slice(0, OLDER_ROWS_OF_SETS)
  return { recent, olderPhysical, olderBad, olderOfSets }
}

function rehearsalsWith(before: readonly Rehearsal[], record: BackupRecord): Rehearsal[] {
  const all = [...before.filter(({ backupId }) => backupId !== record.backupId), ...rehearsalsOf(record)]
  const order = ({ at, backupId, targetId }: Rehearsal) => `${at} ${backupId} ${targetId}`
  const newest = all.sort((a, b) => (order(a) < order(b) ? 1 : -1))
  return newest.filter(
    ({ kind }, i) => newest.slice(0, i).filter((other) => other.kind === kind).length < REHEARSALS_OF_A_KIND,
  )
}

/** A later drill took the place of one that counted: which older one counts instead only all records can say. */
function gapIn(before: readonly Rehearsal[], record: BackupRecord): boolean {
  const kept = new Set(rehearsalsOf(record).map(({ targetId }) => targetId))
  return before.some(({ backupId, targetId }) => backupId === record.backupId && !kept.has(targetId))
}

function rehearsalsOf({ backupId, kind, copies, summary }: BackupRecord): Rehearsal[] {
  const size = summary === undefined ? {} : { databaseBytes: summary.databaseBytes }
  return Object.entries(copies).flatMap(([targetId, { lastDrill }]) =>
    lastDrill?.recoveryMs === undefined || lastDrill.verdict !== 'proven'
      ? []
      : [
          {
            backupId,
            kind,
            targetId: targetId as TargetId,
            at: lastDrill.at,
            recoveryMs: lastDrill.recoveryMs,
            ...size,
          },
        ],
  )
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

/** The smallest rank counts; `lost` as for `summarize`. */
function earlier<P extends { backupId: string }>(
  known: P | undefined,
  offered: P | undefined,
  record: BackupRecord,
  rank: (pointer: P) => string,
): { value: P | undefined; lost: boolean } {
  const own = known?.backupId === record.backupId
  if (offered === undefined) return { value: own ? undefined : known, lost: own }
  if (known === undefined) return { value: offered, lost: false }
  if (own) return { value: offered, lost: rank(offered) > rank(known) }
  const order = rank(offered) === rank(known) ? offered.backupId < known.backupId : rank(offered) < rank(known)
  return { value: order ? offered : known, lost: false }
}

function firstStoredOf(record: BackupRecord): SourceSummary['firstStored'] {
  const at = record.snapshotAt ?? record.startedAt
  return storedOf(record) && { backupId: record.backupId, at }
}

/** A full base of which some target holds a copy that no drill has disproven. */
function baseOf(record: BackupRecord): BackupRow | undefined {
  if (record.physical?.chain !== 0 || record.snapshotAt === undefined) return undefined
  const held = Object.values(record.copies).some(({ state }) => state === 'stored' || state === 'proven')
  return held ? rowOf(record) : undefined
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
