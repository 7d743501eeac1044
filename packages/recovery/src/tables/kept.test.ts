import { expect, test } from 'vitest'
import { areKept, asideTime, titlesOf } from './kept.ts'

const kept = (name: string, ...asides: string[]) => ({
  table: { schema: 'clinic', name },
  asides: asides.map((aside) => ({ name: aside, why: 'before' as const, atMs: 0 })),
})

test('tables are told to be kept by their names, whatever stands in them', () => {
  const found = [kept('a, b', 'a, b_before_2', 'a, b_before_1'), kept('c', 'c_before_1')]
  const titles = titlesOf(['a, b_before_1', 'c_before_1'].map((name) => ({ schema: 'clinic', name })))
  expect(areKept(found, titles)).toBe(true)
  expect(areKept([kept('a, b', 'a, b_before_2'), kept('c', 'c_before_1')], titles)).toBe(false)
  expect(areKept([kept('a, b', 'a, b_before_1'), kept('c')], titles)).toBe(false)
  expect(areKept(found, '')).toBe(false)
})

test('what is put aside twice within a second has two names', () => {
  const [first, then] = [Date.parse('2026-11-29T02:00:00Z'), Date.parse('2026-11-29T02:00:01Z')]
  const of = (...times: number[]) => [
    { ...kept('a'), asides: times.map((atMs) => ({ name: 'a', why: 'before' as const, atMs })) },
  ]
  expect(asideTime(of(), first + 300)).toBe(first + 300)
  expect(asideTime([...of(first), ...of(then)], first + 300)).toBe(then + 1300)
  expect(asideTime(of(then), first + 300)).toBe(first + 300)
})
