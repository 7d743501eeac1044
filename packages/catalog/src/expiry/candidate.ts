import type { BackupRecord, Copy } from '@lifeboat/shared/domain/backup.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Candidate, CandidateCopy } from './question.ts'

/** A record as expiry sees it; undefined for an attempt that failed: it is no backup. */
export function candidateOf(record: BackupRecord): Candidate | undefined {
  const {
    backupId,
    policyId,
    kind,
    sealedAt,
    failedAt,
    startedAt,
    snapshotAt,
    bytes = 0,
    physical,
    files,
    set,
  } = record
  if (sealedAt === undefined && failedAt !== undefined) return undefined
  return {
    ...{ backupId, policyId, kind, bytes },
    sealed: sealedAt !== undefined,
    atMs: Date.parse(snapshotAt ?? startedAt),
    needs: [physical?.parent, files?.parent].filter((parent) => parent !== undefined),
    ...(set && { set }),
    ...(physical && { wal: { timeline: physical.timeline, startLsn: physical.startLsn, endLsn: physical.endLsn } }),
    copies: (Object.entries(record.copies) as [TargetId, Copy][]).flatMap(([targetId, copy]) => copyOf(targetId, copy)),
  }
}

/** What a mark hides is decided about as if it were not hidden: the same question gets the same answer. */
function copyOf(targetId: TargetId, copy: Copy): CandidateCopy[] {
  const { state, storedAt, conclusion, lock } = copy
  const stored = {
    ...(storedAt !== undefined && { storedMs: Date.parse(storedAt) }),
    ...(lock?.until !== undefined && { lockedUntilMs: Date.parse(lock.until) }),
  }
  switch (state) {
    case 'expected':
    case 'missing':
      return [{ targetId, state: 'coming', proven: false, ...stored }]
    case 'refused':
    case 'expired':
      return []
    case 'stored':
    case 'proven':
      return [{ targetId, state: 'there', proven: state === 'proven', ...stored }]
    case 'disproven':
    case 'damaged':
      return [{ targetId, state: 'bad', proven: false, ...stored }]
    case 'marked': {
      const bad = conclusion?.verdict === 'failed' || copy.audit?.found === 'damaged'
      return [{ targetId, state: bad ? 'bad' : 'there', proven: !bad && conclusion?.verdict === 'proven', ...stored }]
    }
  }
}
