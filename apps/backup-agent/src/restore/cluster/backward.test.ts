import type { Goal } from '@lifeboat/shared/domain/goal.ts'
import { expect, test } from 'vitest'
import { refuseBackward } from './backward.ts'
import type { BesideNote } from './beside-note.ts'

const stands = {
  recovered: { lsn: '0/5000000', timeline: 1, lastCommitAt: '2026-09-26T12:00:00.000Z' },
  goal: { to: 'name', name: 'here' },
} as Pick<BesideNote, 'recovered' | 'goal'>

test.each([
  [{ to: 'end of backup' }],
  [{ to: 'lsn', lsn: '0/4FFFFFF' }],
  [{ to: 'time', time: '2026-09-26T11:59:59.999Z' }],
] as [Goal][])('%o lies behind it', (goal) => {
  expect(() => refuseBackward(goal, stands)).toThrow(expect.objectContaining({ code: 'RESTORE_BACKWARD' }))
})

test.each([
  [{ to: 'latest' }],
  [{ to: 'lsn', lsn: '1/0' }],
  [{ to: 'time', time: '2026-09-26T12:00:00.001Z' }],
  [{ to: 'xid', xid: '3' }],
  [{ to: 'name', name: 'a point' }],
] as [Goal][])('%o may lie before it', (goal) => {
  expect(() => refuseBackward(goal, stands)).not.toThrow()
})

test('where no transaction came with the WAL, the time it was recovered to tells what is earlier', () => {
  const idle = { ...stands, recovered: { ...stands.recovered, lastCommitAt: undefined } }
  const to = (time: string) => ({ to: 'time', time }) as Goal
  const at = { ...idle, goal: to('2026-09-26T12:00:00.000Z') }
  expect(() => refuseBackward(to('2026-09-26T11:00:00.000Z'), at)).toThrow()
  expect(() => refuseBackward(to('2026-09-26T13:00:00.000Z'), at)).not.toThrow()
})
