import type { Metrics } from '@lifeboat/shared/service/metrics.ts'

export type Events = ReturnType<typeof agentEvents>

/** What an agent does that people want to count; one call writes log line and metric together. */
export function agentEvents(metrics: Metrics) {
  return {
    backupStarted: metrics.event({ event: 'backup.started', sentence: 'began a backup', labels: ['sourceId'] }),
    partSealed: metrics.event({ event: 'part.sealed', sentence: 'sealed part', labels: ['sourceId'] }),
    backupSealed: metrics.event({ event: 'backup.sealed', sentence: 'sealed backup', labels: ['sourceId'] }),
    backupUnchanged: metrics.event({
      event: 'backup.unchanged',
      sentence: 'nothing changed since an earlier backup',
      labels: ['sourceId'],
    }),
    backupFailed: metrics.event({
      event: 'backup.failed',
      sentence: 'the attempt ended without a backup',
      level: 'warn',
      labels: ['sourceId', 'code'],
    }),
    checksumsFailed: metrics.event({
      event: 'backup.checksums_failed',
      sentence: 'the server found damaged pages while it was backed up; the backup holds them as they are',
      level: 'error',
      labels: ['sourceId'],
    }),
    partReleased: metrics.event({
      event: 'part.released',
      sentence: 'enough targets hold the part, it left the spool',
      level: 'debug',
      labels: [],
    }),
    /** Its `durationMs` is the way from the last byte received to the announcement. */
    walSealed: metrics.event({ event: 'wal.sealed', sentence: 'sealed WAL', level: 'debug', labels: ['sourceId'] }),
    walLost: metrics.event({
      event: 'wal.lost',
      sentence: 'WAL is lost for good: recovery cannot pass this hole',
      level: 'error',
      labels: ['sourceId'],
    }),
    backupReleased: metrics.event({
      event: 'backup.released',
      sentence: 'enough targets hold the backup, it left the spool',
      labels: ['sourceId'],
    }),
  }
}
