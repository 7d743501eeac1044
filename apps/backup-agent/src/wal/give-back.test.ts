import { expect, test } from 'vitest'
import { giveBack } from './give-back.ts'

test('memory that was given back is empty at once, however many parts of it are named', () => {
  const whole = Buffer.allocUnsafe(1024 * 1024)
  const parts = [whole.subarray(0, 100), whole.subarray(100)]
  giveBack(parts)
  expect(parts.map(({ byteLength }) => byteLength)).toEqual([0, 0])
})

test('a small buffer that shares its memory with others leaves it alone', () => {
  const small = Buffer.from('ours')
  const neighbour = Buffer.from('somebody else’s')
  giveBack([small])
  expect(neighbour.toString()).toBe('somebody else’s')
})
