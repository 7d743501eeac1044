import { moment, type PolicyId, type RecoveryPointId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
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

test('a service whose spool or mail server does not hold is broken with what it found; sources and targets have answers of their own', () => {
  const at = moment(0)
  const error = (code: 'SPOOL_DISK_FULL' | 'TARGET_FULL') => reportOf(new LifeboatError(code, { freeBytes: 1 }))
  const footings = [
    { part: 'spool', name: 'db1', at, since: at, error: error('SPOOL_DISK_FULL') },
    { part: 'target', name: 'nas', at, since: at, error: error('TARGET_FULL') },
    { part: 'source', name: 'records', at, since: at },
  ]
  const service = { service: 'backup-agent', id: 'db1', present: true, instances: 1, footings }
  const fleet = { fleet: 'acme', at, light: 'red', sets: [], sources: [], incidents: [], services: [service] }
  expect(answersOf(fleet as unknown as FleetStatus)).toEqual([
    {
      ...{ part: 'service', name: 'backup-agent db1', condition: 'broken', next: [error('SPOOL_DISK_FULL').hint] },
      says: [`spool db1: SPOOL_DISK_FULL: ${error('SPOOL_DISK_FULL').title} (freeBytes: 1)`],
    },
  ])
})

test('of an agent it is said whose commands it obeys, and that it obeys nobody', () => {
  const at = moment(0)
  const about = { service: 'backup-agent', id: 'db1', present: true, instances: 1, footings: [] }
  const says = (operators: string[]) => {
    const fleet = {
      fleet: 'acme',
      at,
      light: 'green',
      sets: [],
      sources: [],
      incidents: [],
      services: [{ ...about, operators }],
    }
    return answersOf(fleet as unknown as FleetStatus)[0]?.says
  }
  expect(says(['ann', 'ben'])).toEqual(['1 instance, obeys ann, ben'])
  expect(says([])).toEqual(['1 instance, obeys no operator, so that nothing comes back on command (docs/restore.md)'])
})
