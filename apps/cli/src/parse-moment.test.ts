import { expect, test } from 'vitest'
import { parseDuration, parseMoment } from './parse-moment.ts'

const NOW = Date.UTC(2026, 8, 26, 12)

test('a time is a length ago or a moment with its offset', () => {
  expect(parseMoment('2h', NOW)).toBe(NOW - 7_200_000)
  expect(parseMoment('2026-09-26T02:00:00Z', NOW)).toBe(Date.UTC(2026, 8, 26, 2))
  expect(parseMoment('2026-09-26 04:00+02:00', NOW)).toBe(Date.UTC(2026, 8, 26, 2))
})

test('a time without a zone is refused, not guessed', () => {
  for (const text of ['2026-09-26T02:00:00', '2026-09-26', 'yesterday', '2026-13-01T00:00Z'])
    expect(() => parseMoment(text, NOW)).toThrow('CLI_USAGE')
  expect(() => parseDuration('15', '--drain')).toThrow('CLI_USAGE')
})
