import { expect, test } from 'vitest'
import { CATALOGUE } from './catalogue.ts'
import { LifeboatError } from './lifeboat-error.ts'

test.each(Object.entries(CATALOGUE))(
  '%s has a constant title and a hint that names the next thing to look at',
  (code, entry) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/)
    expect(entry.title).toMatch(/^[A-Z][^.]+$/)
    expect(entry.hint).toMatch(/[.?]$/)
    expect(entry.hint.toLowerCase()).not.toContain('contact support')
  },
)

test('a foreign error becomes INTERNAL and keeps its cause', () => {
  const cause = new TypeError('x is undefined')
  expect(LifeboatError.from(cause)).toMatchObject({ code: 'INTERNAL', cause })
})

test('a library that wraps the reason of an abort does not hide it', () => {
  const reason = new LifeboatError('SERVICE_STOPPING')
  expect(LifeboatError.from(new Error('The operation was aborted', { cause: reason }))).toBe(reason)
})

test('the message shows code, title and facts, for a log line read by a person', () => {
  const error = new LifeboatError('TARGET_KEY_TAKEN', { target: 'aws', key: 'a/b' })
  expect(error.message).toBe('TARGET_KEY_TAKEN: Another object already lies under this key (target=aws, key=a/b)')
})
