import { expect, test } from 'vitest'
import { type TablesArgs, tablesWishOf } from './tables-wish.ts'

function said(args: TablesArgs): unknown {
  try {
    return tablesWishOf(args)
  } catch (thrown) {
    return (thrown as { facts: { problem: string } }).facts.problem
  }
}

const A = { schema: 'public', name: 'a' }

test.each<[string, TablesArgs, unknown]>([
  ['nothing about tables', {}, undefined],
  ['a table without a schema', { table: ['A'], merge: true }, { tables: [A], into: { how: 'merge' } }],
  [
    'names that need quotes',
    { table: ['clinic."Odd name"'], replace: true },
    { tables: [{ schema: 'clinic', name: 'Odd name' }], into: { how: 'replace' } },
  ],
  ['one twice', { table: ['a', 'public.a'], replace: true }, { tables: [A], into: { how: 'replace' } }],
  ['a schema beside', { table: ['a'], intoSchema: 'look' }, { tables: [A], into: { how: 'beside', schema: 'look' } }],
  [
    'a point in time',
    { table: ['a'], merge: true, until: 'latest' },
    { tables: [A], into: { how: 'merge' }, goal: { to: 'latest' } },
  ],
  ['no way to go about it', { table: ['a'] }, expect.stringContaining('--merge, --replace or --into-schema')],
  ['two ways', { table: ['a'], merge: true, replace: true }, expect.stringContaining('--merge, --replace or')],
  ['a way and no table', { merge: true }, expect.stringContaining('name them with --table')],
  ['every table of a schema', { table: ['clinic.*'], merge: true }, expect.stringContaining('is no table')],
  ['a name too long', { table: ['a'], intoSchema: 'x'.repeat(64) }, expect.stringContaining('is no name of a schema')],
  ['a cluster besides', { table: ['a'], merge: true, beside: true }, expect.stringContaining('one of them')],
  ['a timeline to nowhere', { table: ['a'], merge: true, timeline: '2' }, expect.stringContaining('say --until')],
])('%s', (_, args, expected) => {
  expect(said(args)).toEqual(expected)
})
