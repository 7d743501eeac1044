import { type Lsn, parseWalKey, segmentAt, type WalObject, walFileName } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import {
  beginsLike,
  common,
  type HeldWal,
  isNone,
  ListedWal,
  notLetGo,
  together,
  touches,
  without,
} from './wal-held.ts'
import { heldOf, stretchesOf } from './wal-survey.ts'

const SIZE = 256
const digest = '0123456789abcdef'
const segment = (timeline: number, no: number): WalObject => ({
  kind: 'segment',
  segment: segmentAt(timeline, BigInt(no * SIZE), SIZE),
  digest,
})
const piece = (no: number, from: number, to: number): WalObject => ({
  ...(segment(1, no) as Extract<WalObject, { kind: 'segment' }>),
  kind: 'piece',
  from,
  to,
})
const history = (timeline: number): WalObject => ({ kind: 'history', timeline, digest })

function listed(...objects: WalObject[]): HeldWal {
  const wal = new ListedWal(SIZE)
  for (const object of objects) wal.add(object)
  return wal.held()
}

/** `1: 0-2 3-4` in segments. */
function text({ spans, histories }: HeldWal): string {
  const lines = [...spans].map(
    ([timeline, own]) =>
      `${timeline}: ${own.map(({ start, end }) => `${Number(start) / SIZE}-${Number(end) / SIZE}`).join(' ')}`,
  )
  return [...lines, ...[...histories].map((timeline) => `history ${timeline}`)].join(', ')
}

test('what is listed is joined as it comes, in whatever order a segment and its pieces stand', () => {
  const objects = [segment(1, 0), piece(1, 0, 128), piece(1, 64, 128), segment(1, 1), piece(3, 128, 256), segment(2, 4)]
  expect(text(listed(...objects, history(2)))).toBe('1: 0-2 3.5-4, 2: 4-5, history 2')
  expect(text(listed(segment(1, 1), segment(1, 0)))).toBe('1: 0-2')
  expect(text(listed(segment(1, 1), piece(1, 0, 128)))).toBe('1: 1-2')
  expect(text(listed(segment(2, 1), segment(1, 1)))).toBe('1: 1-2, 2: 1-2')
  expect(parseWalKey(walFileName(objects[4] as WalObject))).toEqual(objects[4])
})

test('stretches are added, taken away and compared by timeline', () => {
  const [one, other] = [
    listed(segment(1, 0), segment(1, 1), segment(1, 2), history(2)),
    listed(segment(1, 1), segment(2, 2)),
  ]
  expect(text(together(one, other))).toBe('1: 0-3, 2: 2-3, history 2')
  expect(text(together(other, one))).toBe('1: 0-3, 2: 2-3, history 2')
  expect(text(without(one, other))).toBe('1: 0-1 2-3, history 2')
  expect(text(without(other, one))).toBe('2: 2-3')
  expect(text(common(one, other))).toBe('1: 1-2')
  expect([isNone(without(one, one)), isNone(listed(history(2))), isNone(listed())]).toEqual([true, false, true])
})

test('what was let go counts no more: of the timelines that were, up to where its WAL begins, also within a segment of pieces', () => {
  const held = listed(segment(1, 0), segment(1, 1), segment(2, 1), segment(2, 2), segment(3, 1))
  const from = (timeline: number, lsn = '0/200') => notLetGo(held, { timeline, lsn: lsn as Lsn })
  expect(text(from(2))).toBe('2: 2-3, 3: 1-2')
  expect(text(from(1))).toBe('2: 1-3, 3: 1-2')
  expect(text(from(2, '0/280'))).toBe('2: 2.5-3, 3: 1-2')
  // The cluster was put back to the first one.
  expect(text(notLetGo(held, { timeline: 2, lsn: '0/200' as Lsn, newerThan: 1 }))).toBe('1: 0-2, 2: 2-3, 3: 1-2')
  const pieces = listed(piece(1, 0, 128), piece(1, 128, 256))
  expect(text(notLetGo(pieces, { timeline: 1, lsn: '0/180' as Lsn }))).toBe('1: 1.5-2')
})

test('a beginning that moved is seen, an end that grew is none of it', () => {
  const held = listed(segment(1, 1), segment(1, 2))
  expect(beginsLike(held, listed(segment(1, 1), segment(1, 2), segment(1, 3)))).toBe(true)
  expect(beginsLike(held, listed(segment(1, 2)))).toBe(false)
  expect(beginsLike(held, listed())).toBe(false)
  expect(beginsLike(held, listed(segment(2, 1)))).toBe(false)
})

test('an object is looked for by the stretch it holds, a history by its timeline', () => {
  const missing = { ...listed(segment(1, 1)), histories: new Set([2]) }
  const found = [segment(1, 1), piece(1, 5, 9), segment(1, 2), segment(2, 1), history(2), history(3)]
  expect(found.map((object) => touches(missing, object, SIZE))).toEqual([true, true, false, false, true, false])
})

test('what was seen is written down and read again as it was', () => {
  const held = listed(segment(1, 0), segment(1, 2), segment(2, 3), history(2))
  expect(text(heldOf(stretchesOf(held)))).toBe(text(held))
  expect(isNone(heldOf(undefined))).toBe(true)
})
