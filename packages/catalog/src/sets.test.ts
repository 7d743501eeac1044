import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { expect, test } from 'vitest'
import type { BackupRow } from './catalog.ts'
import { recoveryPoints } from './sets.ts'

const POINT = 'weekly.20260927T010000Z'
const members = [
  { policyId: 'weekly-database', sourceId: 'records' },
  { policyId: 'weekly-code', sourceId: 'app' },
]
const set = { point: POINT, setId: 'weekly', members }
const NOON = Date.parse('2026-09-27T12:00:00Z')

const row = (no: 0 | 1, state: string, copies: Record<string, string> = { aws: state }) =>
  ({
    ...members[no],
    set,
    state,
    copies,
    backupId: `20260927T010000Z-dump-aaaaa${no}`,
    kind: 'dump',
  }) as unknown as BackupRow

const run = (no: 0 | 1, state: string, more: Partial<Record<keyof LedgerEntry, unknown>> = {}) =>
  ({
    ...members[no],
    ...{ set, state, kind: 'dump', attempt: 0, runId: `${members[no]?.policyId}.x.20260927T010000Z` },
    ...{ dueAt: '2026-09-27T01:00:00.000Z', lateAt: '2026-09-27T01:15:00.000Z', ...more },
  }) as unknown as LedgerEntry

const point = (rows: BackupRow[], runs: LedgerEntry[] = [], nowMs = NOON) => recoveryPoints({ rows, runs, nowMs })[0]

test('a set is complete when every member is, and proven when every one is proven', () => {
  expect(point([row(0, 'stored'), row(1, 'proven')])).toMatchObject({ point: POINT, state: 'complete', reasons: [] })
  expect(point([row(0, 'proven'), row(1, 'proven')])).toMatchObject({ state: 'proven', reasons: [] })
  expect(point([row(0, 'stored')], [run(1, 'running', { attempt: 1 })])).toMatchObject({ state: 'open', reasons: [] })
})

test('one host died: the set is incomplete and the reason names the member; the other member keeps its own state', () => {
  const missed = run(1, 'missed', { reason: 'no agent began it by 2026-09-27T07:15:00.000Z' })
  const found = point([row(0, 'proven')], [run(0, 'succeeded'), missed])
  expect(found).toMatchObject({
    state: 'incomplete',
    reasons: ['weekly-code of app: missed, no agent began it by 2026-09-27T07:15:00.000Z'],
    members: [{ state: 'proven' }, { state: 'missed' }],
  })
})

test('a member that nobody began in time is late before anybody has given it up', () => {
  const at = (time: string) => point([row(0, 'stored')], [run(1, 'wished')], Date.parse(time))
  expect(at('2026-09-27T01:10:00Z')?.state).toBe('open')
  expect(at('2026-09-27T01:20:00Z')).toMatchObject({
    state: 'incomplete',
    reasons: ['weekly-code of app: late, not begun by 2026-09-27T01:15:00.000Z'],
  })
})

test('a member asked for again counts for the same recovery point', () => {
  const failed = run(1, 'failed', { reason: 'the source is away', attempt: 2 })
  const again = run(1, 'running', { attempt: 1, dueAt: '2026-09-27T11:00:00.000Z' })
  expect(point([row(0, 'stored')], [failed])?.state).toBe('incomplete')
  expect(point([row(0, 'stored')], [failed, again])?.state).toBe('open')
  expect(point([row(0, 'stored'), row(1, 'stored')], [failed, again])?.state).toBe('complete')
})

test('a member whose only copy is disproven keeps its set from being complete', () => {
  const found = point([row(0, 'sealed', { aws: 'disproven', gcp: 'refused' }), row(1, 'stored')])
  expect(found?.reasons).toEqual([
    'weekly-database of records: 20260927T010000Z-dump-aaaaa0 is not held by enough targets: disproven at aws, refused at gcp',
  ])
  expect(point([row(0, 'sealed', { aws: 'stored', gcp: 'expected' }), row(1, 'stored')])?.state).toBe('open')
})

test('a member nothing is known of does not pass for complete', () => {
  expect(point([row(0, 'proven')])).toMatchObject({
    state: 'incomplete',
    reasons: ['weekly-code of app: nothing is known of it'],
  })
})

test('what is only planned is no recovery point yet', () => {
  expect(point([], [run(0, 'expected'), run(1, 'expected')], Date.parse('2026-09-27T00:00:00Z'))).toBeUndefined()
})
