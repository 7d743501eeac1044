import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { KeepRules } from '../expiry/question.ts'
import { type BackfillQuestion, decideBackfill } from './decide.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 8, 30)
const [AWS, GCP, NEW] = ['aws', 'gcp', 'new'] as unknown as [TargetId, TargetId, TargetId]
const sourceId = 'records' as SourceId

/** Taken so many days ago, proven from aws. */
function record(days: number, over: Record<string, unknown> = {}): BackupRecord {
  const at = moment(NOW - days * DAY)
  return {
    ...{ sourceId, backupId: id(days), policyId: 'daily', kind: 'dump', startedAt: at, snapshotAt: at, sealedAt: at },
    ...{ bytes: 1000, manifestSha256: 'f'.repeat(64), requiredCopies: 1 },
    copies: {
      aws: { state: 'proven', storedAt: at, conclusion: { verdict: 'proven', at } },
      gcp: { state: 'stored', storedAt: at },
    },
    ...over,
  } as unknown as BackupRecord
}
const id = (days: number, kind = 'dump') =>
  `${moment(NOW - days * DAY)
    .replace(/\.\d+Z/, 'Z')
    .replaceAll(/[-:]/g, '')}-${kind}-aaaaaa` as BackupId

const base = (days: number, lsn: string, over: Record<string, unknown> = {}) =>
  record(days, {
    backupId: id(days, 'base'),
    kind: 'base',
    physical: { chain: 0, timeline: 1, startLsn: lsn },
    ...over,
  })
const incremental = (days: number, parent: BackupId, over: Record<string, unknown> = {}) =>
  record(days, {
    ...{ backupId: id(days, 'incremental'), kind: 'incremental' },
    ...{ physical: { chain: 1, timeline: 1, startLsn: '0/9000000', parent } },
    ...over,
  })

function decide(records: BackupRecord[], over: Partial<BackfillQuestion> = {}) {
  const rulesOf = (): KeepRules => ({ last: 2, minAge: 0, zone: 'UTC' })
  return decideBackfill({
    sourceId,
    records,
    targetsOf: () => [AWS, GCP, NEW],
    rulesOf,
    holds: [],
    nowMs: NOW,
    ...over,
  }).fills
}
const owed = (...args: Parameters<typeof decide>) =>
  decide(...args).flatMap((fill) => fill.owed.map(({ backupId }) => backupId))

test('a target that was added later is owed what its rules would keep there, newest first, and nothing they would not', () => {
  expect(owed([record(4), record(3), record(2), record(1)])).toEqual([id(1), id(2)])
  expect(decide([record(1)])[0]?.owed[0]).toMatchObject({
    targetId: 'new',
    bytes: 1000,
    reasons: expect.arrayContaining(['last 1 of 2']),
  })
  expect(owed([record(4), record(3), record(2), record(1)], { rulesOf: () => undefined })).toHaveLength(4)
})

test('a base comes before the incrementals that need it, also when these are at the new target already', () => {
  const [full, child] = [base(3, '0/3000000'), incremental(2, id(3, 'base'))]
  expect(owed([child, full])).toEqual([full.backupId, child.backupId])
  const there = { ...child, copies: { ...child.copies, [NEW]: { state: 'stored' } } } as BackupRecord
  expect(owed([there, full])).toEqual([full.backupId])
  expect(decide([there, full])[0]?.walFrom).toBe('0/3000000')
})

test('WAL begins at the new target where the first of all bases there begins, which after a restore in place may be a newer one', () => {
  const again = { timeline: 2, startLsn: '0/9000000', endLsn: '0/9000100' }
  const bases = [base(3, '0/A000000'), base(2, '0/C000000'), base(1, '', { physical: { chain: 0, ...again } })]
  expect(decide(bases, { rulesOf: () => undefined })[0]?.walFrom).toBe('0/9000000')
})

test('what was once there, is expected there, is nowhere else whole, or failed, is not owed', () => {
  const at = (state: string) =>
    record(1, { copies: { aws: { state: 'proven' }, gcp: { state: 'stored' }, [NEW]: { state } } })
  for (const state of ['expected', 'stored', 'missing', 'damaged', 'marked', 'expired', 'refused'])
    expect(owed([at(state)]), state).toEqual([])
  for (const state of ['damaged', 'missing', 'marked', 'expired', 'expected'])
    expect(owed([record(1, { copies: { aws: { state } } })]), state).toEqual([])
  expect(owed([record(1, { sealedAt: undefined, failedAt: moment(NOW) })])).toEqual([])
})

test('a target the policy does not send to, or a policy nobody configures any more, is owed nothing', () => {
  expect(owed([record(1)], { targetsOf: () => [AWS, GCP] })).toEqual([])
  expect(owed([record(1)], { targetsOf: () => [] })).toEqual([])
})

test('what was put there since counts as done, and what is owed gets less', () => {
  const filled = (one: BackupRecord) =>
    ({
      ...one,
      copies: { ...one.copies, [NEW]: { state: 'stored', storedAt: moment(NOW), remadeAt: moment(NOW) } },
    }) as BackupRecord
  const [fill] = decide([record(2), filled(record(1))])
  expect(fill).toMatchObject({ targetId: 'new', done: { copies: 1, bytes: 1000 }, filledMs: NOW })
  expect(fill?.owed.map(({ backupId }) => backupId)).toEqual([id(2)])
})

test('what is held is owed whatever the rules say', () => {
  const holds = [{ sourceId, backupId: id(4), by: 'ada', why: 'audit' }]
  expect(owed([record(4), record(3), record(2), record(1)], { holds })).toEqual([id(1), id(2), id(4)])
})
