import { expect, test } from 'vitest'
import { lockStep } from './lock-step.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 8, 30)

test('a lock is renewed when half of it is over, to its full length from now on', () => {
  expect(lockStep(NOW + 20 * DAY, 30 * DAY, NOW)).toEqual({ do: 'leave', reason: 'locked for 20 d more' })
  expect(lockStep(NOW + 14 * DAY, 30 * DAY, NOW)).toEqual({
    ...{ do: 'extend', untilMs: NOW + 30 * DAY, drift: false },
    reason: 'its lock ends in 14 d',
  })
})

test('a copy that is not locked, or not any more, has drifted', () => {
  expect(lockStep(undefined, 30 * DAY, NOW)).toMatchObject({ do: 'extend', drift: true, reason: 'it is not locked' })
  expect(lockStep(NOW - 2 * DAY, 30 * DAY, NOW)).toMatchObject({ drift: true, reason: 'its lock ended 2 d ago' })
})

test('a lock is never made shorter, whatever was locked for longer before', () => {
  expect(lockStep(NOW + 400 * DAY, 30 * DAY, NOW).do).toBe('leave')
  expect(lockStep(NOW + 15 * DAY, 30 * DAY, NOW).do).toBe('leave')
})
