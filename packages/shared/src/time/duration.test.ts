import { expect, test } from 'vitest'
import { ByteSize, Duration, formatBytes, formatDuration } from './duration.ts'

test.each([
  ['90s', 90_000],
  ['15m', 900_000],
  ['1.5h', 5_400_000],
  ['30d', 2_592_000_000],
  ['250ms', 250],
])('a duration of %s is %d milliseconds', (text, ms) => {
  expect(Duration.parse(text)).toBe(ms)
})

test.each(['90', '5 minutes', '-1h', '', '1h30m', 'h'])(
  '"%s" is not a duration, because its unit is missing or unknown',
  (text) => {
    expect(Duration.safeParse(text).success).toBe(false)
  },
)

test('sizes know decimal and binary units apart', () => {
  expect(ByteSize.parse('1MB')).toBe(1_000_000)
  expect(ByteSize.parse('64MiB')).toBe(67_108_864)
  expect(ByteSize.safeParse('64mb').success).toBe(false)
})

test('people read short forms', () => {
  expect([340, 1_500, 45_000, 3_600_000, 3_900_000, 259_200_000].map(formatDuration)).toEqual([
    '340 ms',
    '1.5 s',
    '45 s',
    '1 h',
    '1 h 5 min',
    '3 d',
  ])
  expect([0, 999, 1_400, 250_000_000, 1_400_000_000].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.4 kB',
    '250 MB',
    '1.4 GB',
  ])
})
