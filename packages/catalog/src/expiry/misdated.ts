import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import type { Candidate, ExpiryQuestion } from './question.ts'

/** Between the clock of a host and the one here. */
export const SKEW_MS = 3_600_000

/**
 * Backups a clock dated into the future that was wrong and is right again: stores took them before now, and another that lies in the past after them. They stay, and are
 * counted by no rule: neither are they the newest, nor do they say that the clock here is behind.
 */
export function misdated({ backups, nowMs }: Pick<ExpiryQuestion, 'backups' | 'nowMs'>): ReadonlySet<BackupId> {
  const ahead = backups.filter(({ sealed, atMs }) => sealed && atMs > nowMs + SKEW_MS)
  if (ahead.length === 0) return new Set()
  let rightAgainMs = Number.NEGATIVE_INFINITY
  for (const { sealed, atMs, copies } of backups) {
    if (!sealed || atMs > nowMs + SKEW_MS) continue
    const firstMs = Math.min(...storedMs(copies))
    if (firstMs <= nowMs) rightAgainMs = Math.max(rightAgainMs, firstMs)
  }
  return new Set(
    ahead.flatMap(({ backupId, copies }) => {
      const stored = storedMs(copies)
      return stored.length > 0 && Math.max(...stored) < rightAgainMs ? [backupId] : []
    }),
  )
}

function storedMs(copies: Candidate['copies']): number[] {
  return copies.flatMap((copy) => copy.storedMs ?? [])
}
