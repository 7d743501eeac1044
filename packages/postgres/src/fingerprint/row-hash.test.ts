import { expect, test } from 'vitest'
import { rowHash } from './row-hash.ts'

test('the physical order of the columns does not matter', () => {
  const [a, b] = [
    { name: 'a', builtin: 'int4' },
    { name: 'b', builtin: 'text' },
  ]
  expect(rowHash([a, b])).toBe(rowHash([b, a]))
})

test('a name that tries to leave its quotes stays inside', () => {
  expect(rowHash([{ name: 'x") from secrets --', builtin: 'text' }])).toContain('"x"") from secrets --"')
})

test('more nullable columns than bits in a number still have a bit each', () => {
  const columns = Array.from({ length: 130 }, (_, n) => ({ name: `c${n}`, builtin: 'int4' }))
  expect(rowHash(columns).match(/is null/g)).toHaveLength(130)
  expect(rowHash(columns).match(/<<0\)/g)).toHaveLength(3)
})
