import type { BackupFact } from '../project.ts'

type Data<S extends BackupFact['subject']> = Extract<BackupFact, { subject: S }>['data']

interface Life {
  no?: number
  sourceId?: string
  targets?: string[]
  requiredCopies?: number
  kind?: 'dump' | 'base' | 'incremental'
  /** Makes it a member of this set, whose recovery point is named after `no`. */
  ofSet?: string
}

/** The life of one backup as facts, with boring defaults; `at` are minutes after its start. */
export function aBackup(opts: Life = {}) {
  const {
    no = 0,
    sourceId = 'records',
    targets = ['aws', 'gcp', 'azure'],
    requiredCopies = 2,
    kind = 'dump',
    ofSet,
  } = opts
  const start = Date.UTC(2026, 8, 26, 2) + no * 3_600_000
  const moment = (minutes: number) => new Date(start + minutes * 60_000).toISOString()
  const stamp = moment(0)
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:]/g, '')
  const backupId = `${stamp}-${kind}-${no.toString(36).padStart(6, 'a')}`
  const about = { backupId, sourceId, policyId: 'daily', agentId: 'db1', kind }
  const physical = kind === 'dump' ? {} : { physical: physicalFacts(no, kind) }
  const members = [{ policyId: 'daily', sourceId, kind }]
  const set = ofSet === undefined ? {} : { set: { setId: ofSet, point: `${ofSet}.${stamp}`, members } }
  const recipients = no % 2 === 0 ? ['age1office', 'age1safe'] : ['age1safe']
  const run = { ...about, ...set, runId: `daily.${sourceId}.${stamp}` }
  const error = {
    code: 'TOOL_FAILED',
    title: 'A program ended with an error',
    hint: 'Look.',
    facts: { tool: 'pg_dump' },
  }
  const make = <S extends BackupFact['subject']>(subject: S, data: unknown) =>
    ({ subject, data: data as Data<S> }) as BackupFact
  return {
    backupId: backupId as Data<'backup.started'>['backupId'],
    sourceId: sourceId as Data<'backup.started'>['sourceId'],
    kind,
    recipients,
    physical,
    moment,
    started: () => make('backup.started', { ...run, attempt: 1, startedAt: moment(0), targets, requiredCopies }),
    sealed: () =>
      make('backup.sealed', {
        ...run,
        startedAt: moment(0),
        snapshotAt: moment(1),
        sealedAt: moment(5),
        bytes: 1000 + no,
        summary: { tables: 3, rows: 42, databaseBytes: 9000 },
        ...physical,
        manifest: { sha256: no.toString(16).padStart(64, '0') },
        recipients,
        targets,
        requiredCopies,
      }),
    failed: (at = 2) => make('backup.failed', { ...run, attempt: 1, failedAt: moment(at), error, willRetry: false }),
    stored: (targetId: string, at = 6, lockedUntil?: string) =>
      make('copy.stored', {
        ...about,
        ...{ targetId, storedAt: moment(at), bytes: 1000 + no },
        ...(lockedUntil && { lockedUntil }),
      }),
    lockFound: (targetId: string, at: number, lockedUntil?: string) =>
      make('copy.lock-found', { ...about, targetId, at: moment(at), ...(lockedUntil && { lockedUntil }) }),
    locked: (targetId: string, at: number, until?: string) =>
      make('copy.locked', {
        ...about,
        targetId,
        markId: `${stamp}-mark-aaaaaa`,
        at: moment(at),
        error,
        ...(until && { until }),
      }),
    refused: (targetId: string) => make('copy.refused', { ...about, targetId, refusedAt: moment(6), error }),
    marked: (targetId: string, mark = 'aaaaaa') =>
      make('copy.marked', { ...about, targetId, markId: `${stamp}-mark-${mark}`, removeAfter: moment(60) }),
    unmarked: (targetId: string, mark = 'aaaaaa') =>
      make('copy.unmarked', { ...about, targetId, markId: `${stamp}-mark-${mark}` }),
    expired: (targetId: string, at = 90) =>
      make('copy.expired', {
        ...about,
        targetId,
        markId: `${stamp}-mark-aaaaaa`,
        expiredAt: moment(at),
        objects: 1,
        bytes: 1,
      }),
    audited: (targetId: string, found: 'whole' | 'missing' | 'damaged', at = 20) =>
      make('copy.audited', { ...about, targetId, at: moment(at), found, problem: 'a problem' }),
    remade: (targetId: string, at = 25) =>
      make('copy.remade', {
        ...about,
        targetId,
        remadeAt: moment(at),
        objects: 1,
        bytes: 1,
        from: ['gcp'],
        reason: 'missing',
      }),
    drilled: (targetId: string, verdict: 'proven' | 'failed' | 'inconclusive', at = 10, wal?: object) =>
      make('drill.finished', {
        ...about,
        runId: `drill.${backupId}`,
        drillId: `${stamp}-drill-${String(at).padStart(6, 'd')}`,
        targetId,
        verdict,
        reasons: verdict === 'proven' ? [] : ['a reason'],
        finishedAt: moment(at),
        durationMs: 1,
        ...(verdict === 'proven' ? { recoveryMs: at * 1000 } : {}),
        ...(wal && { wal }),
      }),
  }
}

export function physicalFacts(no: number, kind: string) {
  return {
    timeline: 1,
    startLsn: `0/${(no + 1).toString(16).toUpperCase()}000000`,
    endLsn: `0/${(no + 1).toString(16).toUpperCase()}000100`,
    segmentBytes: 16_777_216,
    fromStandby: false,
    chain: kind === 'base' ? 0 : 1,
    checksums: { enabled: true, failures: [] },
    tablespaces: [],
  }
}
