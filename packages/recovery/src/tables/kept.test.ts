import { expect, test } from 'vitest'
import { areKept, titlesOf } from './kept.ts'

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
