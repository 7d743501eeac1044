import type { BackupRecord, Copy } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'

/** A copy that is there as far as anybody knows. */
export interface ReadableCopy {
  sourceId: SourceId
  backupId: BackupId
  bytes: number
  /** When all of its bytes were last known to be right: put, put anew, drilled or read. */
  checkedMs: number
}

export interface ReadChoice {
  read: (ReadableCopy & { reason: string })[]
  /** Bytes that may still be read; negative: a large copy was read ahead of its time, and the next one waits. */
  creditBytes: number
}

const DAY_MS = 86_400_000

/**
 * Which copies of a target are read now: always the ones that were checked longest ago, so that none is read twice before another. What may be read grows
 * with time, a share of all bytes a day: after `1 / share` days every copy was read, however unequal they are.
 *
 * @param sinceMs time since the last choice; more than a day counts as a day, so that nobody who was away reads everything at once
 * @param share of the bytes of all copies, a day
 */
export function chooseReads(
  copies: readonly ReadableCopy[],
  { share, sinceMs, creditBytes, nowMs }: { share: number; sinceMs: number; creditBytes: number; nowMs: number },
): ReadChoice {
  const total = copies.reduce((sum, { bytes }) => sum + bytes, 0)
  const earned = (share * total * Math.min(Math.max(sinceMs, 0), DAY_MS)) / DAY_MS
  // Copies that went take the debt they caused with them; what was not used up is no reason to read twice.
  let credit = Math.max(creditBytes, -total) + earned
  const read: ReadChoice['read'] = []
  for (const copy of copies.toSorted(longestAgoFirst)) {
    if (credit <= 0) break
    credit -= copy.bytes
    read.push({ ...copy, reason: reasonOf(copy, copies.length, nowMs) })
  }
  return { read, creditBytes: Math.min(credit, 0) }
}

/** A record as the choice sees it; undefined where nothing can be read, or nothing is expected to be right. */
export function readableCopy(record: BackupRecord, targetId: TargetId): ReadableCopy | undefined {
  const { sourceId, backupId, bytes, manifestSha256, copies } = record
  const copy = copies[targetId]
  if (copy === undefined || bytes === undefined || manifestSha256 === undefined) return undefined
  if (copy.state !== 'stored' && copy.state !== 'proven' && copy.state !== 'disproven') return undefined
  return { sourceId, backupId, bytes, checkedMs: checkedMs(copy) }
}

/** A drill reads its copy front to back. */
function checkedMs({ storedAt, remadeAt, readAt, conclusion }: Copy): number {
  const moments = [storedAt, remadeAt, readAt, conclusion?.at].map((at) => (at === undefined ? 0 : Date.parse(at)))
  return Math.max(...moments)
}

function longestAgoFirst(a: ReadableCopy, b: ReadableCopy): number {
  return a.checkedMs - b.checkedMs || (a.backupId < b.backupId ? -1 : 1)
}

function reasonOf({ checkedMs }: ReadableCopy, count: number, nowMs: number): string {
  return `checked ${formatDuration(Math.max(0, nowMs - checkedMs))} ago, the longest of ${count} copies`
}
