import type { BackupId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { decideExpiry } from './decide.ts'
import type { Candidate } from './question.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 29)
const MIN_AGE = 3 * DAY

/** Of the older of two proven dumps, of which the rules keep the newer: whether it stays. */
function stays(atMs: number, storedMs?: number): boolean {
  const backup = (name: string, at: number, stored?: number): Candidate => ({
    ...{ backupId: name as BackupId, policyId: 'daily' as PolicyId, kind: 'dump', sealed: true, bytes: 1, needs: [] },
    atMs: at,
    copies: [{ targetId: 'aws' as TargetId, state: 'there', proven: true, storedMs: stored }],
  })
  const { copies } = decideExpiry({
    ...{ sourceId: 'records' as SourceId, holds: [], doubts: [], nowMs: NOW },
    backups: [backup('old', atMs, storedMs), backup('new', NOW - DAY)],
    rulesOf: () => ({ last: 1, minAge: MIN_AGE, zone: 'UTC' }),
  })
  return copies.find(({ backupId }) => backupId === 'old')?.do === 'keep'
}

test('a copy is as old as the backup, and of the minimum age it is old enough', () => {
  expect([MIN_AGE - 1, MIN_AGE, MIN_AGE + 1].map((ageMs) => stays(NOW - ageMs))).toEqual([true, false, false])
})

test('a copy that came later, to a target that was away or was added, is young although the backup is old', () => {
  const old = NOW - 30 * DAY
  expect([stays(old, NOW - MIN_AGE + 1), stays(old, NOW - MIN_AGE)]).toEqual([true, false])
})

test('a copy that claims to have been stored before its backup was taken is no older than that', () => {
  expect(stays(NOW - DAY - 1, NOW - 30 * DAY)).toBe(true)
})
