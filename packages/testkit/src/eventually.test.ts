import { expect, test } from 'vitest'
import { eventually, until } from './eventually.ts'

test('a check is repeated until it holds, and gives its answer', async () => {
  let asked = 0
  const third = () => {
    asked += 1
    if (asked < 3) throw new Error('not yet')
    return asked
  }
  expect(await eventually(third)).toBe(3)
})

test('a check that never holds fails with its own last words', async () => {
  const never = () => Promise.reject(new Error('the mail has not come'))
  await expect(eventually(never, 120)).rejects.toThrow('the mail has not come')
})

test('an answer that never pleases is shown in the error', async () => {
  await expect(
    until(
      () => [1, 2],
      ({ length }) => length === 3,
      120,
    ),
  ).rejects.toThrow('[1,2]')
})
