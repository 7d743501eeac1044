import { pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { expect, test } from 'vitest'
import { placesOf } from './gone.ts'

const way = pathTo(4, [
  { timeline: 1, end: 50n },
  { timeline: 3, end: 80n },
])

test('the history of a timeline is gone where it begins, reached from the one before', () => {
  const held = { spans: new Map(), histories: new Set([3, 4]) }
  expect(placesOf(held, way)).toEqual([
    { timeline: 3, start: 50n, end: 50n, from: 1, history: true },
    { timeline: 4, start: 80n, end: 80n, from: 3, history: true },
  ])
})

test('a history the present timeline does not come by is in nobody’s way, and WAL is gone wherever it lay', () => {
  const held = { spans: new Map([[2, [{ start: 1n, end: 2n }]]]), histories: new Set([2, 5]) }
  expect(placesOf(held, way)).toEqual([{ timeline: 2, start: 1n, end: 2n, from: 2 }])
})
