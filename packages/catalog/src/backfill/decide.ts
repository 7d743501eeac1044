import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { needsOf } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Path } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, type Lsn, parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { order } from '@lifeboat/shared/domain/wal-spans.ts'
import { candidateOf } from '../expiry/candidate.ts'
import { decideExpiry } from '../expiry/decide.ts'
import type { Candidate, CopyDecision, HoldOn, KeepRules } from '../expiry/question.ts'
import type { DecidedSource } from '../expiry/sets.ts'

export interface BackfillQuestion {
  sourceId: SourceId
  records: readonly BackupRecord[]
  /** Where the policy sends its backups now. */
  targetsOf(policyId: PolicyId): readonly TargetId[]
  rulesOf(policyId: PolicyId, targetId: TargetId): KeepRules | undefined
  holds: readonly HoldOn[]
  /** Why copies stay for the sake of their sets, by `tieKey`; see expiry/sets.ts. */
  ties?: ReadonlyMap<string, readonly string[]> | undefined
  walWindowMs?: number | undefined
  /** The way of the timeline the cluster is on now; undefined: not known. */
  walPath?: Path | undefined
  nowMs: number
}

/** A backup a target never had, and would keep if it had it. */
export interface OwedCopy {
  sourceId: SourceId
  backupId: BackupId
  targetId: TargetId
  bytes: number
  /** Why it would stay there. Never empty. */
  reasons: string[]
}

/** How far the back-fill of one target has come. */
export interface Backfill {
  targetId: TargetId
  /** Copies that were put there from other targets, bytes included. */
  done: { copies: number; bytes: number }
  /** When the newest of them was put there. */
  filledMs?: number | undefined
  /** In the order they should come: newest first, each behind what it needs. */
  owed: OwedCopy[]
  /** Where WAL must begin there, so that what is there or owed leads on; undefined where nothing does. */
  walFrom?: Lsn | undefined
}

/** Of one source: what its targets are owed, and what would become of its members of sets if it were there already. */
export interface BackfillDecision extends DecidedSource {
  fills: Backfill[]
}

/**
 * What targets that were added to a policy later lack of the backups it made before: those some other target has, and the rules for keeping would keep at the new one, with
 * what they need and what their sets keep. Whatever was once there, or is expected there, is none of this: it is missing, let go, or on its way.
 */
export function decideBackfill(question: BackfillQuestion): BackfillDecision {
  const { sourceId, records, targetsOf } = question
  const owedTo = new Map<TargetId, Set<BackupId>>()
  const byId = new Map(records.map((record) => [record.backupId, record]))
  for (const record of records)
    for (const targetId of targetsOf(record.policyId))
      for (const id of chainOf(record, byId))
        if (isAbsent(byId.get(id), targetId)) owedTo.set(targetId, (owedTo.get(targetId) ?? new Set()).add(id))
  const backups = asIfThere(records, owedTo)
  const { rulesOf, holds, ties, walWindowMs, walPath, nowMs } = question
  const about = { sourceId, rulesOf, backups, holds, ties, walWindowMs, walPath, nowMs, doubts: [] }
  const { copies } = decideExpiry({ ...about, whileWayUnknown: 'keep-one' })
  const targets = new Set([...owedTo.keys(), ...records.flatMap(filledTargets)])
  const members = backups.filter(({ set }) => set !== undefined)
  const inSets = new Set(members.map(({ backupId }) => backupId))
  return {
    sourceId,
    members,
    decision: { copies: copies.filter(({ backupId }) => inSets.has(backupId)) },
    fills: [...targets].sort().map((id) => backfillOf(id, byId, keptThere(copies, id, owedTo.get(id)))),
  }
}

type Records = ReadonlyMap<BackupId, BackupRecord>

/** The rules are asked as if the new targets had everything they lack. */
function asIfThere(records: readonly BackupRecord[], absent: ReadonlyMap<TargetId, ReadonlySet<BackupId>>) {
  return records.flatMap((record): Candidate[] => {
    const candidate = candidateOf(record)
    if (candidate === undefined) return []
    const added = [...absent].flatMap(([targetId, ids]) =>
      ids.has(candidate.backupId) ? [{ targetId, state: 'there' as const, proven: false }] : [],
    )
    return [{ ...candidate, copies: [...candidate.copies, ...added] }]
  })
}

/** Of what is absent there: what would stay, and why. */
function keptThere(
  copies: readonly CopyDecision[],
  targetId: TargetId,
  absent: ReadonlySet<BackupId> | undefined,
): Map<BackupId, string[]> {
  const staying = copies.filter(
    (copy) => copy.targetId === targetId && copy.do === 'keep' && absent?.has(copy.backupId),
  )
  return new Map(staying.map(({ backupId, reasons }) => [backupId, reasons]))
}

function backfillOf(targetId: TargetId, byId: Records, kept: ReadonlyMap<BackupId, string[]>): Backfill {
  const owed: OwedCopy[] = []
  const placed = new Set<BackupId>()
  for (const record of [...byId.values()].sort(newestFirst))
    for (const id of chainOf(record, byId).toReversed()) {
      const reasons = kept.get(id)
      const { sourceId, bytes = 0 } = byId.get(id) ?? record
      if (reasons === undefined || placed.has(id) || !kept.has(record.backupId)) continue
      placed.add(id)
      owed.push({ sourceId, backupId: id, targetId, bytes, reasons })
    }
  const done = [...byId.values()].filter(({ copies }) => isFilled(copies[targetId]))
  const bytes = done.reduce((sum, record) => sum + (record.bytes ?? 0), 0)
  const starts = [...byId.values()].filter(({ backupId }) => placed.has(backupId)).concat(done)
  const filled = done.map(({ copies }) => Date.parse(copies[targetId]?.remadeAt ?? ''))
  const filledMs = filled.length === 0 ? undefined : Math.max(...filled)
  return { targetId, done: { copies: done.length, bytes }, filledMs, owed, walFrom: firstLsn(starts) }
}

/** Itself and what it cannot be restored without, itself first. */
function chainOf(record: BackupRecord, byId: Records): BackupId[] {
  const chain = [record.backupId]
  for (let at: BackupRecord | undefined = record; at !== undefined; ) {
    const [parent] = needsOf(at)
    if (parent === undefined || chain.includes(parent)) break
    chain.push(parent)
    at = byId.get(parent)
  }
  return chain
}

/** Never expected there, and somebody else has it whole. */
function isAbsent(record: BackupRecord | undefined, targetId: TargetId): boolean {
  if (record?.sealedAt === undefined || record.manifestSha256 === undefined) return false
  if (record.copies[targetId] !== undefined) return false
  return Object.values(record.copies).some(({ state }) => state === 'stored' || state === 'proven')
}

/** A copy nobody promised this target when the backup was sealed: it was put there later. */
function filledTargets({ copies }: BackupRecord): TargetId[] {
  return (Object.keys(copies) as TargetId[]).filter((targetId) => isFilled(copies[targetId]))
}

function isFilled(copy: BackupRecord['copies'][TargetId] | undefined): boolean {
  return copy?.remadeAt !== undefined && copy.storedAt === copy.remadeAt && copy.expiredAt === undefined
}

function newestFirst(a: BackupRecord, b: BackupRecord): number {
  const at = ({ snapshotAt, startedAt }: BackupRecord) => snapshotAt ?? startedAt
  return at(a) === at(b) ? (a.backupId < b.backupId ? 1 : -1) : at(a) < at(b) ? 1 : -1
}

/** After a restore in place the log went on from an earlier place: a newer base may begin before an older one. */
function firstLsn(records: readonly BackupRecord[]): Lsn | undefined {
  const starts = records.flatMap(({ physical }) => (physical === undefined ? [] : [parseLsn(physical.startLsn)]))
  const [first] = starts.sort(order)
  return first === undefined ? undefined : formatLsn(first)
}
