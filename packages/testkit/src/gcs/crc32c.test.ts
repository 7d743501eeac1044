import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { crc32c, crc32cText } from './crc32c.ts'

test('the check value of the Castagnoli polynomial comes out', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32cText(crc32c(Buffer.from('123456789')))).toBe('4waSgw==')
  expect(crc32c(Buffer.alloc(0))).toBe(0)
})

test('bytes give the same sum in one piece and in several', () => {
  const bytes = randomBytes(1000)
  for (const cut of [0, 1, 7, 8, 9, 500, 999, 1000])
    expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes))
})
