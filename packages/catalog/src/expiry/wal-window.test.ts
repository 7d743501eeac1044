import { formatLsn, parseWalKey, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import { walToLetGo } from './wal-window.ts'

const SEGMENT = 16 * 1024 ** 2
const segment = (timeline: number, no: number) =>
  `${timeline.toString().padStart(8, '0')}00000000${no.toString(16).toUpperCase().padStart(8, '0')}`
const listed = (name: string) => ({ name, object: parseWalKey(`${name}.0123456789abcdef.zst.age`) as WalObject })
const before = (no: number) => formatLsn(BigInt(no) * BigInt(SEGMENT))

test('WAL that ends before the window goes; the segment the window begins in, newer timelines and histories stay', () => {
  const names = [segment(1, 3), segment(1, 4), segment(1, 5), segment(2, 3), '00000002.history']
  const gone = walToLetGo(names.map(listed), { timeline: 1, before: before(5) }, SEGMENT)
  expect(gone.map(({ name }) => name)).toEqual([segment(1, 3), segment(1, 4)])
})

test('a window that begins inside a segment needs all of it', () => {
  const inside = formatLsn(5n * BigInt(SEGMENT) + 40n)
  const gone = walToLetGo([segment(1, 4), segment(1, 5)].map(listed), { timeline: 1, before: inside }, SEGMENT)
  expect(gone.map(({ name }) => name)).toEqual([segment(1, 4)])
})

test('pieces go when their segment is there whole, wherever it lies', () => {
  const names = [`${segment(1, 9)}.00000000-00100000`, segment(1, 9), `${segment(1, 10)}.00000000-00100000`]
  const gone = walToLetGo(names.map(listed), { timeline: 1, before: before(2) }, SEGMENT)
  expect(gone.map(({ name }) => name)).toEqual([`${segment(1, 9)}.00000000-00100000`])
})
