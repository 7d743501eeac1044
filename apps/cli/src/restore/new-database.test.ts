import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { newDatabaseOf } from './new-database.ts'

function said(
  args: Parameters<typeof newDatabaseOf>[0],
  to: Parameters<typeof newDatabaseOf>[1] = { is: 'database' },
): unknown {
  try {
    return newDatabaseOf(args, to)
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
  ['tables besides', { as: 'a', table: ['b'] }, expect.stringContaining('not about clusters')],
  ['a cluster besides', { as: 'a', inPlace: true }, expect.stringContaining('not about clusters')],
  ['a cluster that stands still', { as: 'a', pause: true }, expect.stringContaining('not about clusters')],
  ['a moment besides', { as: 'a', until: 'latest' }, expect.stringContaining('not about clusters')],
  ['its own server besides', { onto: 'records' }, expect.stringContaining('say --as')],
  ['a hook that stops something', { as: 'a', stopHook: 'stop-app' }, expect.stringContaining('only --ready-hook')],
])('--as with %s', (_, args, expected) => {
  expect(said(args)).toEqual(expected)
})

test('a tree of files has no name of a database', () => {
  expect(said({ as: 'a' }, { is: 'files' })).toContain('--as is about databases')
})

const from = { sourceId: 'records' as SourceId, database: 'records_live' }

test.each<[string, Parameters<typeof newDatabaseOf>[0], unknown]>([
  ['its own name', { onto: 'staging' }, { name: 'records_live', copiesOf: 'records' }],
  ['another name', { onto: 'staging', as: 'look' }, { name: 'look', copiesOf: 'records' }],
  ['no tables', { onto: 'staging', table: ['a'] }, expect.stringContaining('not about clusters')],
])('onto the server of another source it goes under %s', (_, args, expected) => {
  expect(said(args, { is: 'database', from })).toEqual(expected)
})
