import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { silentLogger } from '../log/logger.ts'
import { repeat } from './repeat.ts'

test('a round that fails does not end the rounds, and the signal does', async () => {
  const stop = new AbortController()
  let rounds = 0
  await repeat(
    'tick',
    1,
    async () => {
      rounds += 1
      if (rounds === 3) stop.abort()
      throw new Error('the bus is away')
    },
    { log: silentLogger, signal: stop.signal },
  )
  expect(rounds).toBe(3)
})

test('the rest may grow with the length of a round', async () => {
  const stop = new AbortController()
  const starts: number[] = []
  await repeat(
    'tick',
    (tookMs) => 4 * tookMs,
    async () => {
      starts.push(performance.now())
      if (starts.length === 2) stop.abort()
      else await pause(20)
    },
    { log: silentLogger, signal: stop.signal },
  )
  const [first = 0, second = 0] = starts
  expect(second - first).toBeGreaterThan(80)
})
