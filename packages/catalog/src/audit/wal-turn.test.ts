import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { isItsTurn } from './wal-turn.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = Date.UTC(2026, 8, 26, 1)
const digests = Array.from({ length: 2000 }, (_, no) => createHash('sha256').update(`${no}`).digest('hex').slice(0, 16))

/** How often each is read when it is asked every six hours. */
function live(days: number, share: number): number[] {
  const times = digests.map(() => 0)
  for (let toMs = START + 6 * HOUR; toMs <= START + days * DAY; toMs += 6 * HOUR)
    for (const [no, digest] of digests.entries())
      if (isItsTurn(digest, { share, fromMs: toMs - 6 * HOUR, toMs })) times[no] = (times[no] ?? 0) + 1
  return times
}

test('a hundredth a day reads every object exactly once in a hundred days, and everything a day each day', () => {
  expect(new Set(live(100, 0.01))).toEqual(new Set([1]))
  expect(new Set(live(3, 1))).toEqual(new Set([3]))
  expect(new Set(live(5, 0))).toEqual(new Set([0]))
})

test('what is on the border of two spans is read in the earlier one, and once', () => {
  const first = '0'.repeat(16)
  const day = START - HOUR
  const span = { share: 1, fromMs: day, toMs: day + DAY }
  expect(isItsTurn(first, span)).toBe(true)
  expect(isItsTurn(first, { ...span, toMs: day + DAY - 1 })).toBe(false)
  expect(isItsTurn(first, { ...span, fromMs: day + DAY, toMs: day + DAY + 6 * HOUR })).toBe(false)
})

test('each day about the same share is read', () => {
  const read = live(1, 0.1).filter((times) => times > 0).length
  expect(read).toBeGreaterThan(150)
  expect(read).toBeLessThan(250)
})

test('who was away for a month makes up for a day, and a clock that jumped back reads nothing', () => {
  const month = { share: 0.1, fromMs: START - 30 * DAY, toMs: START }
  const day = { ...month, fromMs: START - DAY }
  for (const digest of digests) expect(isItsTurn(digest, month)).toBe(isItsTurn(digest, day))
  expect(digests.filter((digest) => isItsTurn(digest, { share: 0.1, fromMs: START, toMs: START - HOUR }))).toEqual([])
})
