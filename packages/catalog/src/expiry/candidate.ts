import type { BackupRecord, Copy } from '@lifeboat/shared/domain/backup.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Candidate, CandidateCopy } from './question.ts'

/** A record as expiry sees it; undefined for an attempt that failed: it is no backup. */
export function candidateOf(record: BackupRecord): Candidate | undefined {
  const { backupId, policyId, kind, sealedAt, failedAt, startedAt, snapshotAt, bytes = 0, physical } = record
  if (sealedAt === undefined && failedAt !== undefined) return undefined
  return {
    ...{ backupId, policyId, kind, bytes },
    sealed: sealedAt !== undefined,
    atMs: Date.parse(snapshotAt ?? startedAt),
    needs: physical?.parent === undefined ? [] : [physical.parent],
    ...(physical && { wal: { timeline: physical.timeline, startLsn: physical.startLsn } }),
    copies: (Object.entries(record.copies) as [TargetId, Copy][]).flatMap(([targetId, copy]) => copyOf(targetId, copy)),
  }
}

const STATES: Record<Copy['state'], CandidateCopy['state'] | 'none'> = {
  expected: 'coming',
  stored: 'there',
  proven: 'there',
  disproven: 'bad',
  refused: 'none',
}

function copyOf(targetId: TargetId, { state, storedAt }: Copy): CandidateCopy[] {
  const known = STATES[state]
  if (known === 'none') return []
  const stored = storedAt === undefined ? {} : { storedMs: Date.parse(storedAt) }
  return [{ targetId, state: known, proven: state === 'proven', ...stored }]
}
