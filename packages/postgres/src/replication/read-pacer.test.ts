import { expect, test } from 'vitest'
import { ReadPacer } from './read-pacer.ts'

/** A server that reads as fast as it is let: `ratio` bytes are read for each that is sent, and told once a second at most, as PostgreSQL does. */
function takeBase(
  pacer: ReadPacer,
  { total, ratio, readsPerSecond }: { total: number; ratio: (read: number) => number; readsPerSecond: number },
) {
  const pieceBytes = 32 * 1024
  let nowMs = 0
  let toldMs = 0
  let read = 0
  let mostAhead = 0
  while (read < total) {
    const reading = Math.min(pieceBytes * ratio(read), total - read)
    read += reading
    nowMs += (reading / readsPerSecond) * 1000
    pacer.sent(reading / ratio(read))
    if (nowMs - toldMs >= 1000 || read === total) {
      toldMs = nowMs
      pacer.told(read)
    }
    nowMs += pacer.restMs(nowMs)
    mostAhead = Math.max(mostAhead, read - nowMs * 1000)
  }
  return { seconds: nowMs / 1000, mostAhead }
}

const RATE = 1e6

test.each([
  ['that shrinks to a seventh', 7],
  ['that does not shrink', 1],
  ['of empty pages', 400],
])('reading a cluster %s takes what the limit says, however much of it crosses the wire', (_, ratio) => {
  const { seconds } = takeBase(new ReadPacer(RATE, 0), { total: 100e6, ratio: () => ratio, readsPerSecond: 1e9 })
  expect(seconds).toBeGreaterThan(99)
  expect(seconds).toBeLessThan(ratio === 400 ? 120 : 108)
})

test('what follows is read at the limit too where it shrinks otherwise than what came before', () => {
  const ratio = (read: number) => (read < 40e6 ? 20 : 1.5)
  const { seconds } = takeBase(new ReadPacer(RATE, 0), { total: 80e6, ratio, readsPerSecond: 1e9 })
  expect(seconds).toBeGreaterThan(79)
  expect(seconds).toBeLessThan(105)
})

test('a server that is slower than the limit never waits for it', () => {
  const { seconds } = takeBase(new ReadPacer(RATE, 0), { total: 50e6, ratio: () => 8, readsPerSecond: RATE / 2 })
  expect(seconds).toBeCloseTo(100)
})

test('time in which nothing was read is not saved up for a burst', () => {
  const pacer = new ReadPacer(RATE, 0)
  pacer.sent(1000)
  pacer.told(8000)
  expect(pacer.restMs(3_600_000)).toBe(0)
  pacer.sent(1e6)
  pacer.told(8e6 + 8000)
  expect(pacer.restMs(3_600_000)).toBeGreaterThan(7000)
})
