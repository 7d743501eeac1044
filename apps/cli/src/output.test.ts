import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { table } from './format/table.ts'
import { show, showError } from './output.ts'
import { type Terminal, wantsColour } from './terminal.ts'

function terminal(colour: boolean) {
  const said = { out: '', err: '' }
  const hear = (stream: 'out' | 'err') => (text: string) => {
    said[stream] += text
  }
  const parts = { out: hear('out'), err: hear('err') }
  return { said, terminal: { ...parts, colour, liveWidth: colour ? 80 : undefined } as Terminal }
}

test('text and JSON come from one value, and the outcome decides the exit code', () => {
  const outcome = { value: { a: 1 }, text: () => 'a is 1', exit: 'attention' as const }
  const plain = terminal(false)
  expect(show(outcome, plain.terminal, false)).toBe(6)
  expect(plain.said.out).toBe('a is 1\n')
  const json = terminal(false)
  expect(show(outcome, json.terminal, true)).toBe(6)
  expect(JSON.parse(json.said.out)).toEqual({ a: 1 })
})

test('an error tells code, title, facts and what to look at next', () => {
  const { said, terminal: it } = terminal(false)
  showError(
    new LifeboatError('TARGET_UNKNOWN', {
      target: 'aws2',
      known: ['aws', 'gcp'],
      hooks: [],
      nothing: undefined,
    }).toReport(),
    it,
    false,
  )
  expect(said.err).toBe(
    'TARGET_UNKNOWN: No target of this name is configured here\n  target: aws2\n  known:\n    - aws\n    - gcp\n  hooks: none\n  next: Compare the name with `targets:` in lifeboat.yaml.\n',
  )
  expect(said.out).toBe('')
})

test('what nobody translated is INTERNAL', () => {
  const { said, terminal: it } = terminal(false)
  showError(LifeboatError.from(new TypeError('x is not a function')).toReport(), it, true)
  expect(JSON.parse(said.out)).toMatchObject({ error: { code: 'INTERNAL', facts: { message: 'x is not a function' } } })
})

test('colours need a terminal and the absence of NO_COLOR', () => {
  expect(wantsColour(true, {})).toBe(true)
  expect(wantsColour(true, { NO_COLOR: '1' })).toBe(false)
  expect(wantsColour(true, { TERM: 'dumb' })).toBe(false)
  expect(wantsColour(false, {})).toBe(false)
})

test('colours do not count as width', () => {
  expect(
    table(
      ['a', 'b'],
      [
        ['\u001b[32mgreen\u001b[39m', 'x'],
        ['red', 'y'],
      ],
    ),
  ).toBe('a      b\n\u001b[32mgreen\u001b[39m  x\nred    y')
})
