import type { BackupRow, SourceSummary } from '@lifeboat/catalog/catalog.ts'
import type { KnownWal } from '@lifeboat/catalog/objectives-window.ts'
import { recordWal } from '@lifeboat/catalog/wal-record.ts'
import { type BackupId, moment, type PolicyId, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import type { LedgerEntry, RunState } from '@lifeboat/shared/domain/ledger.ts'
import { formatLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { compactTime } from '@lifeboat/shared/time/clock.ts'
import { describe, expect, test } from 'vitest'
import { judgeSource, type Known } from './judge-source.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 8, 26, 12)
const policyId = 'daily' as PolicyId
const sourceId = 'records' as SourceId
const NOT_PLANNED = 'the run of policy daily at 2026-09-27 02:00:00Z is not written down: does a scheduler run?'
const [aws, gcp] = ['aws', 'gcp'] as [TargetId, TargetId]

function row(hoursAgo: number, copies: Record<string, string>): BackupRow {
  const at = NOW - hoursAgo * HOUR
  const backupId = `${compactTime(at)}-dump-aaaaaa` as BackupId
  return {
    backupId,
    sourceId,
    policyId,
    kind: 'dump',
    state: 'stored',
    startedAt: moment(at),
    sealedAt: moment(at),
    copies,
  } as BackupRow
}

function summary(rows: BackupRow[], provenIndex?: number): SourceSummary {
  const [newest] = rows
  const proven = provenIndex === undefined ? undefined : rows[provenIndex]
  return {
    sourceId,
    recent: rows,
    ...(newest && { lastStored: { backupId: newest.backupId, at: moment(NOW) } }),
    ...(proven && {
      lastProven: { backupId: proven.backupId, at: moment(NOW), snapshotAt: proven.startedAt, targetId: aws },
    }),
  }
}

function run(state: RunState, hoursFromNow: number, more: Partial<LedgerEntry> = {}): LedgerEntry {
  const dueMs = NOW + hoursFromNow * HOUR
  const times = { dueAt: moment(dueMs), lateAt: moment(dueMs + 0.25 * HOUR), deadlineAt: moment(dueMs + 6 * HOUR) }
  const runId = `daily.records.${compactTime(dueMs)}`
  return {
    runId,
    sourceId,
    policyId,
    kind: 'dump',
    requestedBy: 'schedule',
    state,
    attempt: 1,
    ...times,
    ...more,
  } as LedgerEntry
}

const healthy: Known = {
  sourceId,
  policies: [{ policyId, targets: [aws, gcp], nextAt: moment(NOW + 14 * HOUR) }],
  objective: { rpo: 24 * HOUR, rto: 2 * HOUR },
  summary: summary([row(10, { aws: 'proven', gcp: 'stored' })], 0),
  runs: [run('expected', 14), run('succeeded', -10)],
  incidents: [],
  lost: [],
}
const judge = (change: Partial<Known>) => judgeSource({ ...healthy, ...change }, NOW)

test('a source whose newest backup is stored everywhere, proven, recent and followed by a planned run is green', () => {
  const status = judge({})
  expect(status).toMatchObject({ light: 'green', reasons: [], objective: { kept: true } })
  expect(status.lastStored?.ageMs).toBe(10 * HOUR)
  expect(status.nextRun?.dueAt).toBe(moment(NOW + 14 * HOUR))
  expect(status.lastRuns.map(({ state }) => state)).toEqual(['succeeded'])
})

describe('red', () => {
  const cases: [string, Partial<Known>, string][] = [
    ['what nobody knows anything of', { summary: undefined }, 'nothing is known of it: no backup was ever recorded'],
    ['a source with no stored backup', { summary: { sourceId, recent: [] } }, 'no backup has reached enough targets'],
    [
      'a source never proven',
      { summary: summary([row(10, { aws: 'stored', gcp: 'stored' })]) },
      'no backup was ever proven by a restore',
    ],
    [
      'a worthless copy',
      { summary: summary([row(10, { aws: 'proven', gcp: 'disproven' })], 0) },
      'the copy of 20260926T020000Z-dump-aaaaaa at gcp is worthless: its drill failed',
    ],
    [
      'a broken objective',
      { objective: { rpo: HOUR, rto: HOUR } },
      '10 h of work would be lost now, the promise is 1 h',
    ],
    ['a policy with nothing planned', { runs: [run('succeeded', -10)] }, NOT_PLANNED],
    [
      'a run that has not begun in time',
      { runs: [run('wished', -1), run('succeeded', -10)] },
      'run daily.records.20260926T110000Z has not begun, 1 h after its time',
    ],
    [
      'a missed last run',
      { runs: [run('expected', 14), run('missed', -10)] },
      'the last run of policy daily was missed',
    ],
    [
      'a failed last run',
      { runs: [run('expected', 14), run('failed', -10, { reason: 'disk full' })] },
      'the last run of policy daily failed: disk full',
    ],
    [
      'a source its agent is kept from',
      {
        lost: [
          {
            part: 'source',
            name: sourceId,
            at: moment(NOW),
            since: moment(NOW),
            error: reportOf(new LifeboatError('SOURCE_AUTH_REFUSED')),
          },
        ],
      },
      'its agent is kept from it: SOURCE_AUTH_REFUSED: PostgreSQL refused the login for this source',
    ],
    [
      'an open critical incident',
      { incidents: [{ severity: 'critical', title: 'No backup of records' } as Incident] },
      'No backup of records',
    ],
  ]
  for (const [title, change, reason] of cases)
    test(`${title} is red and says so`, () => {
      const status = judge(change)
      expect(status.light).toBe('red')
      expect(status.reasons).toContain(reason)
    })
})

describe('yellow', () => {
  const older = row(34, { aws: 'proven', gcp: 'stored' })
  const cases: [string, Partial<Known>, string[]][] = [
    [
      'a newest backup still to be proven',
      { summary: summary([row(10, { aws: 'stored', gcp: 'stored' }), older], 1) },
      [
        'the newest backup, 20260926T020000Z-dump-aaaaaa, is not proven yet',
        'the newest proven backup is 34 h old, the promise is 24 h',
      ],
    ],
    [
      'a copy under way',
      { summary: summary([row(10, { aws: 'proven', gcp: 'expected' })], 0) },
      ['gcp has no copy of 20260926T020000Z-dump-aaaaaa yet'],
    ],
    [
      'a skipped last run',
      { runs: [run('expected', 14), run('skipped', -10, { reason: 'the one before still ran' })] },
      ['the last run of policy daily was skipped: the one before still ran'],
    ],
    [
      'an open warning',
      { incidents: [{ severity: 'warning', title: 'gcp is behind' } as Incident] },
      ['gcp is behind'],
    ],
  ]
  for (const [title, change, reasons] of cases)
    test(`${title} is yellow and says so`, () => {
      expect(judge(change)).toMatchObject({ light: 'yellow', reasons })
    })
})

test('red reasons come before yellow ones', () => {
  const { light, reasons } = judge({
    summary: summary([row(10, { aws: 'proven', gcp: 'expected' })], 0),
    runs: [run('succeeded', -10)],
  })
  expect(light).toBe('red')
  expect(reasons).toEqual([NOT_PLANNED, 'gcp has no copy of 20260926T020000Z-dump-aaaaaa yet'])
})

test('proven is told per target: each with the newest backup proven there', () => {
  const rows = [row(10, { aws: 'stored', gcp: 'proven' }), row(34, { aws: 'proven', gcp: 'stored' })]
  const { provenAt } = judge({ summary: summary(rows, 1) })
  expect(provenAt).toMatchObject({ aws: { ageMs: 34 * HOUR }, gcp: { ageMs: 10 * HOUR } })
  expect(judge({}).provenAt).toMatchObject({ gcp: null })
})

test('a run that is not due for days need not be written down yet', () => {
  const policies = [{ policyId, targets: [aws, gcp], nextAt: moment(NOW + 100 * HOUR) }]
  expect(judge({ policies, runs: [run('succeeded', -10)] })).toMatchObject({
    light: 'green',
    nextRun: { policyId, dueAt: moment(NOW + 100 * HOUR) },
  })
})

test('an operator run does not hide that the schedule is empty of runs to come', () => {
  expect(judge({ runs: [run('running', -0.1), run('succeeded', -10)] }).reasons).toEqual([])
  expect(judge({ runs: [run('running', -0.1)] }).running).toHaveLength(1)
})

describe('a source whose WAL is kept', () => {
  const MINUTE = 60_000
  /** A megabyte an hour. */
  const lsnAt = (hoursAgo: number) => formatLsn(BigInt(1e10 - hoursAgo * 1e6))
  const there = (hoursAgo: number) => ({ lsn: lsnAt(hoursAgo), at: moment(NOW - hoursAgo * HOUR) })
  const slot = { name: 'lifeboat_records', retainedBytes: 5_000_000, warnBytes: 4e9, giveUpBytes: 32e9 }
  const state = (hoursAgo: number, over: object = {}): WalState =>
    ({
      sourceId,
      at: moment(NOW),
      status: 'streaming',
      timeline: 1,
      systemIdentifier: '7',
      safe: there(hoursAgo),
      slot,
      ...over,
    }) as never
  const record = recordWal(undefined, state(400))
  const base: BackupRow = {
    ...row(100, { aws: 'proven', gcp: 'stored' }),
    kind: 'base',
    state: 'proven',
    snapshotAt: moment(NOW - 100 * HOUR),
    physical: { timeline: 1, startLsn: lsnAt(101), endLsn: lsnAt(100), chain: 0, checksumFailures: 0 },
  }
  const wal = (known: KnownWal, more: Partial<Known> = {}) =>
    judge({ objective: { rpo: MINUTE, rto: 2 * HOUR }, summary: summary([base], 0), wal: known, ...more })
  const near = 0.01

  test('keeps a promise of a minute with a base that is days old', () => {
    const status = wal({ state: state(near), record })
    expect(status).toMatchObject({
      light: 'green',
      reasons: [],
      objective: { kept: true },
      objectives: { by: 'wal', rpoMs: 36_000, windows: [{ from: moment(NOW - 100 * HOUR), current: true }] },
      wal: { state: { status: 'streaming' } },
    })
  })

  const lost = { from: lsnAt(50), to: lsnAt(40), timeline: 1, since: moment(NOW - 40 * HOUR), reason: 'given up' }
  const cases: [string, KnownWal, Partial<Known>, string, string][] = [
    ['of which nobody said anything is red', {}, {}, 'red', 'nothing is known of its WAL: does its agent run?'],
    [
      'whose agent fell silent is red',
      { state: state(near, { at: moment(NOW - 5 * MINUTE) }), record },
      {},
      'red',
      'its agent has said nothing of its WAL for 5 min',
    ],
    [
      'that lags behind its promise is red',
      { state: state(0.1), record },
      {},
      'red',
      '6 min of work would be lost now, the promise is 1 min',
    ],
    [
      'that is refused is red',
      { state: state(near, { status: 'refused', error: { title: 'It is another cluster' } }), record },
      {},
      'red',
      'its WAL is refused: It is another cluster',
    ],
    [
      'that was lost is red until a base behind the hole is stored',
      { state: state(near), record: recordWal(record, state(near, { lost })) },
      {},
      'red',
      'WAL was lost at 2026-09-24 20:00:00Z: nothing newer can be recovered until a new base is stored',
    ],
    [
      'with no base at all is not green',
      { state: state(near), record },
      { summary: summary([row(10, { aws: 'proven', gcp: 'stored' })], 0), objective: { rpo: 24 * HOUR, rto: HOUR } },
      'yellow',
      'no stored base leads into its WAL: alone it recovers nothing',
    ],
    [
      'whose base was never rehearsed is yellow',
      { state: state(near), record },
      { summary: { ...summary([{ ...base, state: 'stored' }, row(110, { aws: 'proven', gcp: 'stored' })], 1) } },
      'yellow',
      'no base was ever proven by a restore: recovery through WAL was not rehearsed',
    ],
    [
      'that the server keeps back is yellow',
      { state: state(near, { slot: { ...slot, retainedBytes: 5e9 } }), record },
      {},
      'yellow',
      'its server keeps back 5.0 GB of WAL that targets do not have yet',
    ],
  ]
  for (const [title, known, more, light, reason] of cases)
    test(title, () => {
      const status = wal(known, more)
      expect(status.light).toBe(light)
      expect(status.reasons).toContain(reason)
    })

  test('takes longer to come back than promised, by its drills, and that is yellow', () => {
    const rehearsals = [{ backupId: base.backupId, kind: 'base', targetId: aws, at: moment(NOW), recoveryMs: 3 * HOUR }]
    const status = wal({ state: state(near), record }, { summary: { ...summary([base], 0), rehearsals } })
    expect(status).toMatchObject({
      light: 'yellow',
      reasons: ['by its drills recovery is going to take 3 h, the promise is 2 h'],
    })
  })
})

test('of a source under several policies the next step names one of them', () => {
  const under = (...names: string[]) => {
    const policies = names.map((name) => ({
      policyId: name as PolicyId,
      targets: [aws],
      nextAt: moment(NOW + 100 * HOUR),
    }))
    return judge({ policies, summary: undefined }).next
  }
  expect(under('daily')).toContain('lifeboat backup now records --wait; if it fails, lifeboat source check records')
  expect(under('daily', 'hourly')).toContain(
    'lifeboat backup now records --policy daily --wait; if it fails, lifeboat source check records',
  )
})

test('secrets others may read are told, and make no source less than green', () => {
  const tree = { ...row(1, { aws: 'proven' }), files: { root: '/opt', chain: 0, unreadable: 0, exposedSecrets: 2 } }
  const known = (files: object) =>
    ({
      sourceId,
      policies: [],
      runs: [],
      incidents: [],
      lost: [],
      summary: summary([{ ...tree, files } as BackupRow], 0),
    }) as Known
  const [told, quiet] = [
    judgeSource(known(tree.files), NOW),
    judgeSource(known({ ...tree.files, exposedSecrets: 0 }), NOW),
  ]
  expect(told.exposedSecrets).toEqual({ backupId: tree.backupId, count: 2 })
  expect(told.light).toBe(quiet.light)
  expect(quiet).not.toHaveProperty('exposedSecrets')
})
