import { expect, test } from 'vitest'
import { newDatabaseOf } from './new-database.ts'

function said(args: Parameters<typeof newDatabaseOf>[0], is: 'database' | 'files' = 'database'): unknown {
  try {
    return newDatabaseOf(args, is)
  } catch (thrown) {
    return (thrown as { facts: { problem: string } }).facts.problem
  }
}

test.each<[string, Parameters<typeof newDatabaseOf>[0], unknown]>([
  ['no name', {}, undefined],
  ['a name', { as: 'Records, for a look' }, { name: 'Records, for a look' }],
  ['a name of 63 bytes', { as: 'é'.repeat(31) }, { name: 'é'.repeat(31) }],
  ['a longer one, which PostgreSQL would cut', { as: 'é'.repeat(32) }, expect.stringContaining('at most 63 bytes')],
  ['none at all', { as: '' }, expect.stringContaining('no name for a database')],
  ['one of two lines', { as: 'a\nb' }, expect.stringContaining('no control characters')],
  ['one of what was put aside', { as: 'a_before_20260926t020000z' }, expect.stringContaining('put databases aside')],
  ['one of what is restored', { as: 'a_restoring_k3f9qa' }, expect.stringContaining('put databases aside')],
  ['tables besides', { as: 'a', table: ['b'] }, expect.stringContaining('a cluster and tables have none')],
  ['a cluster besides', { as: 'a', inPlace: true }, expect.stringContaining('a cluster and tables have none')],
  ['a moment besides', { as: 'a', until: 'latest' }, expect.stringContaining('a cluster and tables have none')],
  ['a hook that stops something', { as: 'a', stopHook: 'stop-app' }, expect.stringContaining('only --ready-hook')],
])('--as with %s', (_, args, expected) => {
  expect(said(args)).toEqual(expected)
})

test('a tree of files has no name of a database', () => {
  expect(said({ as: 'a' }, 'files')).toContain('--as is about databases')
})
