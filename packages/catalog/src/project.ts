import type { CopyAudited, CopyRemade } from '@lifeboat/shared/bus/messages/audit.ts'
import type {
  BackupFailed,
  BackupSealed,
  BackupStarted,
  BackupUnchanged,
} from '@lifeboat/shared/bus/messages/backup.ts'
import type { CopyLockFound, CopyRefused, CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import type { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import type { CopyExpired, CopyLocked, CopyMarked, CopyUnmarked } from '@lifeboat/shared/bus/messages/expiry.ts'
import { BackupRecord, type Copy, type WalDrill } from '@lifeboat/shared/domain/backup.ts'
import { BackupId, type Moment, SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { z } from 'zod'

/** Everything the catalogue learns from; see follow-facts.ts. */
export type BackupFact =
  | { subject: 'backup.started'; data: BackupStarted }
  | { subject: 'backup.sealed'; data: Omit<BackupSealed, 'spoolUrl' | 'manifest'> & { manifest: { sha256: string } } }
  | { subject: 'backup.unchanged'; data: Pick<BackupUnchanged, 'backupId' | 'sourceId' | 'unchangedAt'> }
  | { subject: 'backup.failed'; data: BackupFailed }
  | { subject: 'copy.stored'; data: CopyStored }
  | { subject: 'copy.refused'; data: CopyRefused }
  | { subject: 'copy.lock-found'; data: CopyLockFound }
  | { subject: 'drill.finished'; data: DrillKnowledge }
  | { subject: 'copy.marked'; data: Pick<CopyMarked, 'backupId' | 'sourceId' | 'targetId' | 'markId' | 'removeAfter'> }
  | { subject: 'copy.unmarked'; data: Pick<CopyUnmarked, 'backupId' | 'sourceId' | 'targetId' | 'markId'> }
  | { subject: 'copy.expired'; data: CopyExpired }
  | { subject: 'copy.locked'; data: CopyLocked }
  | { subject: 'copy.audited'; data: CopyAudited }
  | { subject: 'copy.remade'; data: CopyRemade }

/** What of a drill stays; evidence found at a target says as much as the fact did. */
export type DrillKnowledge = Pick<
  DrillFinished,
  | 'drillId'
  | 'backupId'
  | 'sourceId'
  | 'targetId'
  | 'verdict'
  | 'reasons'
  | 'wal'
  | 'finishedAt'
  | 'recoveryMs'
  | 'hints'
  | 'phases'
>

/**
 * A backup as far as facts have told of it. Facts come in any order, so at first little may be known: a copy before the backup it is of.
 */
export const BackupDraft = BackupRecord.partial().extend({
  backupId: BackupId,
  sourceId: SourceId,
  copies: BackupRecord.shape.copies,
})
export type BackupDraft = z.infer<typeof BackupDraft>

/**
 * Adds what one fact says. The order of facts and their repetition make no difference: every field is merged by a rule that does not care
 * who came first (project.test.ts tries many orders).
 */
export function project(draft: BackupDraft | undefined, fact: BackupFact): BackupDraft {
  const { backupId, sourceId } = fact.data
  const before: BackupDraft = draft ?? { backupId, sourceId, copies: {} }
  switch (fact.subject) {
    case 'backup.started':
      return begun(before, fact.data)
    case 'backup.sealed':
      return sealed(begun(before, fact.data), fact.data)
    case 'backup.unchanged':
      return { ...before, unchangedAt: latest(before.unchangedAt, fact.data.unchangedAt) }
    case 'backup.failed':
      return failed(identified(before, fact.data), fact.data)
    case 'copy.stored':
      return withCopy(identified(before, fact.data), fact.data.targetId, (copy) => ({
        ...lockedUntil(copy, fact.data.storedAt, fact.data.lockedUntil),
        storedAt: earliest(copy.storedAt, fact.data.storedAt),
      }))
    case 'copy.lock-found':
      return withCopy(before, fact.data.targetId, (copy) => lockSeen(copy, fact.data.at, fact.data.lockedUntil))
    case 'copy.locked':
      return withCopy(before, fact.data.targetId, (copy) => lockedUntil(copy, fact.data.at, fact.data.until))
    case 'copy.refused':
      return withCopy(identified(before, fact.data), fact.data.targetId, (copy) => ({
        ...copy,
        error: settle(copy.error, fact.data.error),
      }))
    case 'drill.finished':
      return withCopy(before, fact.data.targetId, (copy) => withWal(drilled(copy, fact.data), fact.data))
    case 'copy.marked':
    case 'copy.unmarked':
      return withCopy(before, fact.data.targetId, (copy) => marked(copy, fact))
    case 'copy.expired':
      return withCopy(before, fact.data.targetId, (copy) => ({
        ...copy,
        expiredAt: earliest(copy.expiredAt, fact.data.expiredAt),
      }))
    case 'copy.audited':
      return withCopy(before, fact.data.targetId, (copy) => audited(copy, fact.data))
    case 'copy.remade':
      return withCopy(before, fact.data.targetId, (copy) => ({
        ...lockedUntil(copy, fact.data.remadeAt, fact.data.lockedUntil),
        remadeAt: latest(copy.remadeAt, fact.data.remadeAt),
        storedAt: earliest(copy.storedAt, fact.data.remadeAt),
      }))
  }
}

/** The record once enough is known to show it; undefined while only copies or drills were heard of. */
export function complete(draft: BackupDraft | undefined): BackupRecord | undefined {
  if (draft === undefined) return undefined
  const { runId, policyId, agentId, kind, startedAt, requiredCopies } = draft
  if (!runId || !policyId || !agentId || !kind) return undefined
  const from = startedAt ?? beginOf(draft.backupId)
  return { ...draft, runId, policyId, agentId, kind, startedAt: from, requiredCopies: requiredCopies ?? 1 }
}

type Identity = { [K in 'runId' | 'policyId' | 'agentId' | 'kind' | 'set']?: BackupRecord[K] | undefined }

function identified(draft: BackupDraft, { runId, policyId, agentId, kind, set }: Identity): BackupDraft {
  return {
    ...draft,
    ...present({
      runId: settle(draft.runId, runId),
      policyId: settle(draft.policyId, policyId),
      agentId: settle(draft.agentId, agentId),
      kind: settle(draft.kind, kind),
      set: settle(draft.set, set),
    }),
  }
}

function begun(
  draft: BackupDraft,
  data: Identity & { startedAt: Moment; targets: TargetId[]; requiredCopies: number },
): BackupDraft {
  const copies = { ...draft.copies }
  for (const target of data.targets) copies[target] ??= { state: 'expected' }
  return {
    ...identified(draft, data),
    copies,
    startedAt: earliest(draft.startedAt, data.startedAt),
    requiredCopies: Math.max(draft.requiredCopies ?? 0, data.requiredCopies),
  }
}

/** What was sealed belongs together: of two announcements that differ one counts as a whole. */
function sealed(draft: BackupDraft, data: Extract<BackupFact, { subject: 'backup.sealed' }>['data']): BackupDraft {
  const { sealedAt, snapshotAt, bytes, summary, physical, files, exports } = data
  const heard = {
    sealedAt,
    snapshotAt,
    bytes,
    summary,
    ...(physical && { physical }),
    ...(files && { files }),
    ...(exports && { exports }),
    manifestSha256: data.manifest.sha256 as never,
  }
  const known = draft.sealedAt && {
    sealedAt: draft.sealedAt,
    snapshotAt: draft.snapshotAt,
    bytes: draft.bytes,
    summary: draft.summary,
    ...(draft.physical && { physical: draft.physical }),
    ...(draft.files && { files: draft.files }),
    ...(draft.exports && { exports: draft.exports }),
    manifestSha256: draft.manifestSha256,
  }
  // Apart from the rest: an older announcement of the same backup does not name them.
  const recipients = settle(draft.recipients, data.recipients)
  return { ...draft, ...settle(known || undefined, heard), ...(recipients && { recipients }) } as BackupDraft
}

function failed(draft: BackupDraft, { failedAt, error }: BackupFailed): BackupDraft {
  const known = draft.failedAt && draft.error && { failedAt: draft.failedAt, error: draft.error }
  return { ...draft, ...settle(known || undefined, { failedAt, error }) }
}

function withCopy(draft: BackupDraft, target: TargetId, change: (copy: Copy) => Copy): BackupDraft {
  const copy = change(draft.copies[target] ?? { state: 'expected' })
  return { ...draft, copies: { ...draft.copies, [target]: { ...copy, state: copyState(copy) } } }
}

function drilled(copy: Copy, told: DrillKnowledge): Copy {
  const { drillId, verdict, reasons, finishedAt: at, recoveryMs, hints, phases } = told
  const measured = { ...(recoveryMs !== undefined && { recoveryMs }), ...(phases && { phases }) }
  const lastDrill = newest(copy.lastDrill, { drillId, verdict, at, reasons, ...measured, ...(hints && { hints }) })
  if (verdict === 'inconclusive') return { ...copy, lastDrill }
  return { ...copy, lastDrill, conclusion: newest(copy.conclusion, { drillId, verdict, at }) }
}

const WAL_DRILLS = 5

/** A drill that came to nothing at all is repeated; it says nothing about WAL either. */
function withWal(copy: Copy, { drillId, finishedAt: at, verdict, wal }: DrillKnowledge): Copy {
  if (wal === undefined || (wal.verdict === 'inconclusive' && verdict === 'inconclusive')) return copy
  const heard = { ...wal, drillId, at }
  const same = copy.wal?.find((known) => known.drillId === drillId)
  const all = [...(copy.wal ?? []).filter((known) => known !== same), settle(same, heard)]
  const order = (one: WalDrill) => `${one.at} ${one.drillId}`
  return { ...copy, wal: all.sort((a, b) => (order(a) < order(b) ? 1 : -1)).slice(0, WAL_DRILLS) }
}

function marked(copy: Copy, fact: Extract<BackupFact, { subject: 'copy.marked' | 'copy.unmarked' }>): Copy {
  const { markId } = fact.data
  const known = copy.marks?.[markId] ?? { undone: false }
  const mark =
    fact.subject === 'copy.marked' ? { ...known, removeAfter: fact.data.removeAfter } : { ...known, undone: true }
  return { ...copy, marks: { ...copy.marks, [markId]: mark } }
}

function audited(copy: Copy, { at, found, problem, read }: CopyAudited): Copy {
  const audit = newest(copy.audit, { at, found, ...(problem !== undefined && { problem }) })
  return { ...copy, audit, ...(read && { readAt: latest(copy.readAt, at) }) }
}

/** What names no date says nothing of a lock. */
function lockedUntil(copy: Copy, at: Moment, until: Moment | undefined): Copy {
  return until === undefined ? copy : lockSeen(copy, at, until)
}

function lockSeen(copy: Copy, at: Moment, until: Moment | undefined): Copy {
  return { ...copy, lock: newest(copy.lock, { at, ...(until && { until }) }) }
}

/** What is stored is stored, whatever was refused before; a conclusion is about bytes that were there. */
function copyState(copy: Copy): Copy['state'] {
  const { conclusion, storedAt, error, marks, expiredAt, audit, remadeAt } = copy
  if (expiredAt !== undefined) return 'expired'
  if (Object.values(marks ?? {}).some(({ undone }) => !undone)) return 'marked'
  const since = (at: Moment) => remadeAt === undefined || at > remadeAt
  if (audit && audit.found !== 'whole' && since(audit.at)) return audit.found
  if (conclusion && since(conclusion.at)) return conclusion.verdict === 'proven' ? 'proven' : 'disproven'
  if (storedAt !== undefined) return 'stored'
  return error === undefined ? 'expected' : 'refused'
}

function latest(a: Moment | undefined, b: Moment): Moment {
  return a === undefined || b > a ? b : a
}

function earliest(a: Moment | undefined, b: Moment): Moment {
  return a === undefined || b < a ? b : a
}

function newest<T extends { at: Moment }>(a: T | undefined, b: T): T {
  if (a === undefined || a.at < b.at) return b
  return a.at > b.at ? a : (settle(a, b) as T)
}

/** Two accounts that should agree: the first in canonical order, so that their order of arrival does not decide. */
function settle<T>(a: T | undefined, b: T): T
function settle<T>(a: T | undefined, b: T | undefined): T | undefined
function settle<T>(a: T | undefined, b: T | undefined): T | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return canonical(a) <= canonical(b) ? a : b
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

function present<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

/** `20260926T020000Z-dump-k3f9qa` → `2026-09-26T02:00:00.000Z` */
export function beginOf(backupId: BackupId): Moment {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(backupId) ?? []
  return `${y}-${mo}-${d}T${h}:${mi}:${s}.000Z` as Moment
}
