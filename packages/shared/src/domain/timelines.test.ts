import { expect, test } from 'vitest'
import { isOnPath, parseHistory, pathTo, stretchFrom, withHistory } from './timelines.ts'

const HISTORY = '# comment\n1\t0/3000000\tno recovery target specified\n\n2\t16/B374D848\tbefore 2026-01-01\n'

test('a history file is read as PostgreSQL writes it', () => {
  const path = pathTo(4, parseHistory(4, HISTORY))
  expect(path).toEqual([
    { timeline: 1, begin: 0n, end: 0x3000000n },
    { timeline: 2, begin: 0x3000000n, end: 0x16b374d848n },
    { timeline: 4, begin: 0x16b374d848n, end: undefined },
  ])
  expect(withHistory(path)).toEqual([2, 4])
  expect([0n, 0x3000000n, 0x16b374d848n].map((lsn) => stretchFrom(path, lsn).timeline)).toEqual([1, 2, 4])
})

test('what lies behind the point where the way leaves a timeline leads nowhere', () => {
  const path = pathTo(4, parseHistory(4, HISTORY))
  expect([isOnPath(path, 1, 0x3000000n), isOnPath(path, 1, 0x3000001n), isOnPath(path, 3, 1n)]).toEqual([
    true,
    false,
    false,
  ])
})

test.each(['one\t0/3\n', '1\n', '2\t0/5\tlater\n1\t0/3\tfirst\n', '7\t0/3\tof the future\n'])(
  '%j is no history',
  (text) => {
    expect(() => parseHistory(4, text)).toThrow(/WAL_DAMAGED/)
  },
)
