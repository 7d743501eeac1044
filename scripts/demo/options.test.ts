import { expect, it } from 'vitest'
import { parseDemoOptions } from './options.ts'

it('generates 200 MB and prints a table unless told otherwise', () => {
  expect(parseDemoOptions([])).toEqual({ sizeMb: 200, keep: false })
})

it('takes a file for the JSON summary, or standard output', () => {
  expect(parseDemoOptions(['--json=out.json', '--size', '50', '--keep'])).toEqual({
    sizeMb: 50,
    keep: true,
    json: 'out.json',
  })
  expect(parseDemoOptions(['--json', '--size=20'])).toEqual({ sizeMb: 20, keep: false, json: '-' })
})

it.each([
  ['--size', 'big'],
  ['--size', '3'],
  ['--sice', '20'],
])('refuses %s %s', (...args) => {
  expect(() => parseDemoOptions(args)).toThrow()
})
