import { moment, type PolicyId, type RecoveryPointId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { FleetStatus, SetStatus } from '../status/status.ts'
import { answersOf } from './fleet-answers.ts'

const setId = 'weekly' as PolicyId
const point = 'weekly.20260927T010000Z' as RecoveryPointId

function answer(
  light: SetStatus['light'],
  state: 'open' | 'complete' | 'proven' | 'incomplete',
  reasons: string[] = [],
) {
  const dueAt = moment(Date.UTC(2026, 8, 27, 1))
  const members = [
    { policyId: 'weekly-dump' as PolicyId, sourceId: 'records' as SourceId, state: 'proven' as const },
    { policyId: 'weekly-code' as PolicyId, sourceId: 'code' as SourceId, state: 'stored' as const },
  ]
  const set: SetStatus = { setId, light, newest: { point, setId, dueAt, state, members, reasons } }
  const nothing = { sources: [], services: [], incidents: [] }
  return answersOf({ fleet: 'acme', at: dueAt, light, sets: [set], ...nothing } as unknown as FleetStatus)
}

test('a set that lacks a member is broken, one that waits for proofs is ailing, and both say where to look', () => {
  const lost = ['weekly-code of code: missed, its agent was away']
  expect(answer('red', 'incomplete', lost)).toEqual([
    {
      ...{ part: 'set', name: 'weekly', condition: 'broken', says: lost },
      next: [`lifeboat backup show ${point}`, `lifeboat backup now weekly --point ${point}`],
    },
  ])
  expect(answer('yellow', 'complete')).toEqual([
    {
      ...{ part: 'set', name: 'weekly', condition: 'ailing', next: [`lifeboat backup show ${point}`] },
      says: [`${point} is complete and not proven`, 'weekly-code of code is stored'],
    },
  ])
  expect(answer('green', 'proven')).toMatchObject([{ condition: 'well', says: [`${point} is proven`] }])
})
