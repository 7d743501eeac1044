import { expect, test } from 'vitest'
import { giveBack } from './give-back.ts'

test('memory that was given back is empty at once', () => {
  const whole = Buffer.allocUnsafe(1024 * 1024)
  giveBack(whole.subarray(100))
  expect(whole.byteLength).toBe(0)
})

test('so is memory as large as what small buffers share, and a small one that has its own', () => {
  for (const bytes of [Buffer.poolSize, 16]) {
    const own = Buffer.allocUnsafeSlow(bytes)
    giveBack(own)
    expect(own.byteLength).toBe(0)
  }
})

test('a small buffer that shares its memory with others leaves it alone', () => {
  const small = Buffer.from('ours')
  const neighbour = Buffer.from('somebody else’s')
  giveBack(small)
  expect(neighbour.toString()).toBe('somebody else’s')
})
