import { expect, test } from 'vitest'
import { parseWalMessage, statusUpdate } from './wal-messages.ts'

const AT = Date.UTC(2026, 8, 26, 2, 0, 0, 123)

test('a report carries its positions, a clock of this century and whether an answer is wanted', () => {
  const positions = { write: 0x16_b374_d848n, flush: 0x16_b374_0000n, apply: 1n }
  const body = statusUpdate(positions, AT, true)
  expect(body).toHaveLength(34)
  expect(body.toString('latin1', 0, 1)).toBe('r')
  expect([1, 9, 17].map((at) => body.readBigUInt64BE(at))).toEqual(Object.values(positions))
  expect(Number(body.readBigInt64BE(25) / 1000n) + Date.UTC(2000, 0, 1)).toBe(AT)
  expect(body[33]).toBe(1)
})

test('a question of the server is told from WAL, and what is neither is not guessed at', () => {
  const alive = Buffer.alloc(18)
  alive.write('k')
  alive.writeBigUInt64BE(77n, 1)
  alive.writeBigInt64BE(BigInt(AT - Date.UTC(2000, 0, 1)) * 1000n, 9)
  alive[17] = 1
  expect(parseWalMessage(alive)).toEqual({ kind: 'alive', serverEndLsn: 77n, sentAt: AT, replyWanted: true })
  expect(parseWalMessage(Buffer.from('x'))).toBeUndefined()
})
