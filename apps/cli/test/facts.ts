import type { BackupFact } from '@lifeboat/catalog/project.ts'
import type { BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import type { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import type { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import type { PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { type BackupId, moment } from '@lifeboat/shared/domain/ids.ts'
import { compactTime } from '@lifeboat/shared/time/clock.ts'

const DIGEST = '0'.repeat(64)

/** One backup of `records` as its facts tell it; boring where nothing is said. */
export function backupFacts(
  atMs: number,
  suffix: string,
  more: { runId?: string; sourceId?: string; policyId?: string; requiredCopies?: number } = {},
) {
  const backupId = `${compactTime(atMs)}-dump-${suffix}` as BackupId
  const { sourceId = 'records', policyId = 'daily', requiredCopies = 1 } = more
  const runId = more.runId ?? `${policyId}.${sourceId}.${compactTime(atMs)}`
  const about = { backupId, runId, sourceId, policyId, agentId: 'db1', kind: 'dump' }
  const targets = ['aws', 'gcp']
  const started = { ...about, attempt: 1, startedAt: moment(atMs), targets, requiredCopies } as unknown as BackupStarted
  const sealed = {
    ...about,
    startedAt: moment(atMs),
    snapshotAt: moment(atMs + 1000),
    sealedAt: moment(atMs + 60_000),
    bytes: 300_000_000,
    summary: { tables: 12, rows: 1_000_000, databaseBytes: 900_000_000 },
    manifest: { bytes: 1000, sha256: DIGEST, md5: '0'.repeat(32) },
    targets,
    requiredCopies,
    spoolUrl: 'http://127.0.0.1:7461',
  } as unknown as BackupSealed
  const part = { no: 0, bytes: 64_000_000, sha256: DIGEST, md5: '0'.repeat(32) }
  return {
    backupId,
    runId,
    started,
    sealed,
    copyStored: (targetId: string) =>
      ({ ...about, targetId, storedAt: moment(atMs + 120_000), bytes: 300_000_000 }) as unknown as CopyStored,
    partSealed: (no: number) =>
      ({
        ...about,
        artifact: 'db.dump.zst.age',
        part: { ...part, no },
        targets,
        spoolUrl: 'http://127.0.0.1:7461',
      }) as unknown as PartSealed,
    partStored: (no: number, targetId: string) =>
      ({
        ...about,
        artifact: 'db.dump.zst.age',
        partNo: no,
        targetId,
        bytes: part.bytes,
        durationMs: 10,
      }) as unknown as PartStored,
    drillFinished: (targetId: string, verdict: string, more: { runId?: string; drill?: string } = {}) =>
      ({
        ...about,
        runId: more.runId ?? `drill.${backupId}.${targetId}`,
        drillId: `${compactTime(atMs + 180_000)}-drill-${more.drill ?? 'aaaaaa'}`,
        targetId,
        verdict,
        reasons: verdict === 'proven' ? [] : ['the row counts of public.results differ: 10 and 9'],
        finishedAt: moment(atMs + 300_000),
        durationMs: 120_000,
        recoveryMs: 90_000,
      }) as unknown as DrillFinished,
  }
}

/** A base of `kept` that ended then, stored at both targets. */
export function baseFacts(endMs: number, endLsn: string): BackupFact[] {
  const stamp = compactTime(endMs - 60_000)
  const about = {
    backupId: `${stamp}-base-aaaaaa`,
    sourceId: 'kept',
    policyId: 'weekly',
    agentId: 'db1',
    kind: 'base',
  }
  const sealed = {
    ...about,
    runId: `weekly.kept.${stamp}`,
    startedAt: moment(endMs - 60_000),
    snapshotAt: moment(endMs),
    sealedAt: moment(endMs),
    bytes: 300_000_000,
    summary: { tables: null, rows: null, databaseBytes: 900_000_000 },
    physical: {
      ...{ timeline: 1, startLsn: '0/100028', endLsn, segmentBytes: 1 << 20, fromStandby: false, chain: 0 },
      checksums: { enabled: true, failures: [] },
      tablespaces: [],
    },
    manifest: { bytes: 1000, sha256: DIGEST, md5: '0'.repeat(32) },
    targets: ['aws', 'gcp'],
    requiredCopies: 1,
  }
  const stored = ['aws', 'gcp'].map((targetId) => ({ ...about, targetId, storedAt: moment(endMs), bytes: 1 }))
  return [
    { subject: 'backup.sealed', data: sealed },
    ...stored.map((data) => ({ subject: 'copy.stored', data })),
  ] as unknown as BackupFact[]
}
