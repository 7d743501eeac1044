import { afterEach, expect, test, vi } from 'vitest'
import { deadline } from './deadline.ts'

afterEach(() => void vi.useRealTimers())

test('a run that takes longer than it may ends as overdue', () => {
  vi.useFakeTimers()
  using overdue = deadline(60_000)
  vi.advanceTimersByTime(59_999)
  expect(overdue.signal.aborted).toBe(false)
  vi.advanceTimersByTime(1)
  expect(overdue.signal.reason).toMatchObject({ code: 'RUN_OVERDUE', facts: { allowedMs: 60_000 } })
})

test('the timer of a run that is over is gone with it', () => {
  vi.useFakeTimers()
  deadline(86_400_000)[Symbol.dispose]()
  expect(vi.getTimerCount()).toBe(0)
})
