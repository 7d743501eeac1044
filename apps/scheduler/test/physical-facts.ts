import type { BackupFact } from '@lifeboat/catalog/project.ts'
import { moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'

const HOUR = 3_600_000
export const NOON = Date.UTC(2026, 8, 26, 12)
export const sourceId = 'records' as SourceId

/** Hours from noon; a megabyte of WAL each. */
export const at = (hour: number) => moment(NOON + hour * HOUR)
export const lsnAt = (hour: number) => formatLsn(BigInt(Math.round(1e10 + hour * 1e6)))

export function walState(hour: number, over: Partial<Record<keyof WalState, unknown>> = {}): WalState {
  const there = { lsn: lsnAt(hour), at: at(hour) }
  return {
    sourceId,
    agentId: 'db1',
    at: at(hour),
    status: 'streaming',
    systemIdentifier: '7',
    timeline: 1,
    segmentBytes: 16_777_216,
    serverLsn: lsnAt(hour),
    receivedLsn: lsnAt(hour),
    safe: there,
    targets: { alpha: there, beta: there },
    slot: { name: 'lifeboat_records', retainedBytes: 4096, warnBytes: 4e9, giveUpBytes: 32e9 },
    ...over,
  } as WalState
}

export const lostBetween = (from: number, to: number) => ({
  lost: { from: lsnAt(from), to: lsnAt(to), timeline: 1, since: at(to), reason: 'the slot was dropped' },
})

/** A base that ended then, stored at two targets; its id tells when it began. */
export function baseFacts(hour: number) {
  const stamp = at(hour - 0.5).replaceAll(/[-:]|\.\d+/g, '')
  const about = {
    backupId: `${stamp}-base-aaaaaa`,
    runId: `weekly.records.${stamp}`,
    ...{ sourceId, policyId: 'weekly', agentId: 'db1', kind: 'base' as const },
  }
  const sealed = {
    ...about,
    startedAt: at(hour - 0.5),
    snapshotAt: at(hour),
    sealedAt: at(hour),
    bytes: 5_000_000,
    summary: { tables: null, rows: null, databaseBytes: 9_000_000 },
    physical: {
      timeline: 1,
      startLsn: lsnAt(hour - 0.5),
      endLsn: lsnAt(hour),
      segmentBytes: 16_777_216,
      fromStandby: false,
      chain: 0,
      checksums: { enabled: true, failures: [] },
      tablespaces: [],
    },
    manifest: { bytes: 1000, sha256: 'a'.repeat(64), md5: 'b'.repeat(32) },
    targets: ['alpha', 'beta'],
    requiredCopies: 1,
    spoolUrl: 'http://127.0.0.1:7461',
  }
  const stored = (targetId: string) => ({ ...about, targetId, storedAt: at(hour), bytes: 5_000_000 })
  const facts = [
    { subject: 'backup.sealed', data: sealed },
    { subject: 'copy.stored', data: stored('alpha') },
    { subject: 'copy.stored', data: stored('beta') },
  ] as unknown as BackupFact[]
  return { backupId: about.backupId, sealed, stored, facts }
}
