import { expect, test } from 'vitest'
import { isOnPath, parseHistory, partingOf, pathTo, pathTold, stretchFrom, withHistory } from './timelines.ts'
import type { Lsn } from './wal.ts'

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

test('a way an agent told of is known, and that of one that knew no ancestors is not', () => {
  const ancestors = [{ timeline: 1, end: '0/3000000' as Lsn }]
  expect(pathTold({ timeline: 2, ancestors })).toEqual(pathTo(2, [{ timeline: 1, end: 0x3000000n }]))
  expect([pathTold({ timeline: 1 }), pathTold({ timeline: 2 })]).toEqual([pathTo(1), undefined])
})

test.each([
  'one\t0/3\n',
  '1\n',
  '2\t0/5\tlater\n1\t0/3\tfirst\n',
  '2\t0/5\ttwice\n2\t0/7\ttwice\n',
  '7\t0/3\tof the future\n',
])('%j is no history', (text) => {
  expect(() => parseHistory(4, text)).toThrow(/WAL_DAMAGED/)
})

// As PostgreSQL wrote it when it followed timeline 3 to a moment before that one began.
test('an ancestor that was left before it was entered was none', () => {
  const direct = parseHistory(4, '1\t0/440F688\tbefore 2026-11-29 10:19:56.432911+00\n')
  expect(parseHistory(4, '1\t0/440F7D0\tno recovery target\n3\t0/440F688\tbefore 2026-11-29\n')).toEqual(direct)
  expect(parseHistory(5, '1\t0/3\ta\n2\t0/9\tb\n3\t0/2\tc\n4\t0/7\td\n')).toEqual([
    { timeline: 1, end: 2n },
    { timeline: 4, end: 7n },
  ])
})

test('two ways are one up to where the first of them leaves it', () => {
  const way = (timeline: number, history = '') => pathTo(timeline, parseHistory(timeline, history))
  const second = way(2, '1\t0/5\tx\n')
  const pairs: [number | undefined, typeof second, typeof second][] = [
    [undefined, second, second],
    [5, way(1), second],
    [3, second, way(3, '1\t0/3\tx\n')],
    [5, second, way(3, '1\t0/9\tx\n')],
    [9, second, way(3, '1\t0/5\tx\n2\t0/9\tx\n')],
    [0, second, way(7)],
  ]
  for (const [at, one, other] of pairs) {
    expect(partingOf(one, other)).toBe(at === undefined ? undefined : BigInt(at))
    expect(partingOf(other, one)).toBe(at === undefined ? undefined : BigInt(at))
  }
})
