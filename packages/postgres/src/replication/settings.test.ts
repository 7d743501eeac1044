import { expect, test } from 'vitest'
import { parseSetting } from './settings.ts'

test('sizes and times are read as SHOW prints them', () => {
  expect(['16MB', '1GB', '0', '1min', '500ms', '10s', '512'].map(parseSetting)).toEqual([
    16 * 1024 ** 2,
    1024 ** 3,
    0,
    60_000,
    500,
    10_000,
    512,
  ])
})

test('what is neither is not guessed at', () => {
  for (const shown of ['', 'on', '5 parsecs', '-1'])
    expect(() => parseSetting(shown)).toThrow(expect.objectContaining({ code: 'SOURCE_PROTOCOL_BROKEN' }))
})
