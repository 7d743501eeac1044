import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { judgeRefill, type RefillQuestion, refillFrom, type Watched } from './refill-rules.ts'

const MINUTE = 60_000
const rules = { targetId: 'south' as TargetId, afterMs: 10 * MINUTE, everyMs: 24 * 60 * MINUTE }

/** Looks at these minutes, with the hole then; the minutes at which a target is asked to be filled. */
function asked(looks: [minute: number, hole: bigint | undefined][], over: Partial<RefillQuestion> = {}): number[] {
  let before: Watched | undefined
  return looks.flatMap(([minute, hole]) => {
    const { reason, watched } = judgeRefill({ ...rules, before, hole, nowMs: minute * MINUTE, ...over })
    before = watched
    return reason === undefined ? [] : [minute]
  })
}

test('a hole that comes no further is filled, and asked for again as long as it stays', () => {
  expect(
    asked([
      [0, undefined],
      [1, 5n],
      [5, 5n],
      [11, 5n],
      [12, 5n],
      [21, 5n],
    ]),
  ).toEqual([11, 21])
})

test('a target that catches up by itself is left alone', () => {
  expect(
    asked([
      [0, 1n],
      [9, 2n],
      [18, 3n],
      [27, undefined],
    ]),
  ).toEqual([])
})

test('each target is compared with the others from time to time', () => {
  expect(
    asked([
      [0, undefined],
      [1439, undefined],
      [1440, undefined],
      [1500, undefined],
      [2880, undefined],
    ]),
  ).toEqual([1440, 2880])
})

test('a clock that goes back costs one pause, not a year', () => {
  expect(
    asked([
      [600_000, 5n],
      [0, 5n],
      [10, 5n],
    ]),
  ).toEqual([10])
})

test('a target is filled from the oldest base on, or from where it stopped before that', () => {
  expect(refillFrom(50n, [40n, 90n], 0n)).toBe(40n)
  expect(refillFrom(30n, [40n, 90n], 0n)).toBe(30n)
  expect(refillFrom(30n, [], 0n)).toBe(30n)
})

test('WAL that the target itself let go is not brought back from one that still has it', () => {
  expect(refillFrom(30n, [10n, 90n], 60n)).toBe(60n)
  expect(refillFrom(70n, [80n, 90n], 60n)).toBe(70n)
})
