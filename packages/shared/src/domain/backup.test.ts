import { expect, test } from 'vitest'
import { BackupRecord, type CopyState, stateOf } from './backup.ts'

function record(copies: Record<string, CopyState>, more: object = {}) {
  return BackupRecord.parse({
    backupId: '20260926T020000Z-dump-k3f9qa',
    runId: 'daily.records.20260926T020000Z',
    sourceId: 'records',
    policyId: 'daily',
    agentId: 'db1',
    kind: 'dump',
    startedAt: '2026-09-26T02:00:00.000Z',
    sealedAt: '2026-09-26T02:05:00.000Z',
    requiredCopies: 2,
    copies: Object.fromEntries(Object.entries(copies).map(([target, state]) => [target, { state }])),
    ...more,
  })
}

test('stored is not proven', () => {
  expect(stateOf(record({ aws: 'stored', gcs: 'stored', azure: 'expected' }))).toBe('stored')
  expect(stateOf(record({ aws: 'stored', gcs: 'proven' }))).toBe('proven')
})

test('one copy where two are demanded is only sealed', () => {
  expect(stateOf(record({ aws: 'stored', gcs: 'expected' }))).toBe('sealed')
})

test('a copy that failed its drill does not count towards the demanded copies', () => {
  expect(stateOf(record({ aws: 'stored', gcs: 'disproven' }))).toBe('sealed')
})

test('a backup without a seal is running or failed, whatever its copies say', () => {
  expect(stateOf(record({ aws: 'proven' }, { sealedAt: undefined }))).toBe('running')
  expect(stateOf(record({}, { sealedAt: undefined, failedAt: '2026-09-26T02:01:00.000Z' }))).toBe('failed')
})
