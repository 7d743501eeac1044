import type { ListedTable, Relations } from '@lifeboat/shared/domain/relations.ts'
import { expect, test } from 'vitest'
import { chooseHollow } from './choose-hollow.ts'

const table = (oid: string, name: string, parents: string[] = []): ListedTable => ({
  ...{ oid, schema: 'public', name, parents, heaps: [`1663/${oid}0`], indexes: [`16500/${oid}1`] },
})
const LIST: Relations = {
  ...{ format: 1, fullPages: true, hints: true },
  databases: [
    {
      oid: '5',
      name: 'records',
      tables: [
        table('10', 'visit'),
        table('11', 'log'),
        table('12', 'log_2026', ['11']),
        table('13', 'log_may', ['12']),
      ],
    },
    { oid: '6', name: 'copy', tables: [table('10', 'visit')] },
  ],
}
const chosen = (names: readonly string[], change: Partial<Relations> = {}, database = 'records', takenMs = 0) => {
  const wanted = names.map((name) => ({ schema: 'public', name }))
  const choice = chooseHollow({ ...LIST, ...change }, { database, wanted, takenMs })
  return 'whole' in choice
    ? choice.whole
    : { ...choice, hollow: { ...choice.hollow, files: Object.fromEntries(choice.hollow.files) } }
}

test('all but the tables that are wanted may be hollow, those of other databases too, though their files have the same numbers', () => {
  expect(chosen(['visit', 'log'])).toEqual({
    database: '5',
    hollow: { heads: false, files: { '1663/6/100': 'heap', '16500/6/101': 'index' } },
  })
})

test('a backup that took long is needed whole, where its WAL does not bring what a vacuum marks', () => {
  const after = (minutes: number, hints: boolean) => chosen(['visit'], { hints }, 'records', minutes * 60_000)
  expect(after(6, false)).toContain('more than five minutes')
  expect(after(5, false)).toMatchObject({ hollow: { heads: true } })
  expect(after(600, true)).toMatchObject({ hollow: { heads: false } })
})

test('the partitions of a table and theirs are part of it', () => {
  expect(chosen(['log'])).toMatchObject({
    hollow: { files: { '1663/5/100': 'heap', '16500/5/101': 'index', '1663/6/100': 'heap', '16500/6/101': 'index' } },
  })
  expect(chosen(['log_2026'])).toMatchObject({ hollow: { files: { '1663/5/110': 'heap' } } })
})

test('heads are kept where hints do not bring pages into the WAL', () => {
  expect(chosen(['visit'], { hints: false })).toMatchObject({ hollow: { heads: true } })
})

test.each([
  ['a table that is not listed', chosen(['visit', 'absent']), 'table public.absent is not in its list of relations'],
  ['a database that is not listed', chosen(['visit'], {}, 'fresh'), 'database fresh is not in its list of relations'],
  [
    'WAL without full pages',
    chosen(['visit'], { fullPages: false }),
    'full_page_writes was off, so its WAL does not bring back pages that are not there',
  ],
])('%s wants all of the backup', (_, found, because) => {
  expect(found).toBe(because)
})
