import { expect, test } from 'vitest'
import { columnDifferences, mergeProblem } from './unfit.ts'

const column = (name: string, type = 'text') => ({ name, type, nullable: true })

test('columns in another order fit', () => {
  expect(columnDifferences([column('a'), column('b')], [column('b'), column('a')])).toEqual([])
})

test('a column that is gone, one that came up and one of another type are named', () => {
  const backup = [column('id', 'integer'), column('gone'), column('born', 'date')]
  const live = [column('id', 'bigint'), column('born', 'date'), column('fresh')]
  expect(columnDifferences(backup, live)).toEqual([
    'column id is bigint now and was integer',
    'column gone (text) is in the backup and not in the table',
    'column fresh (text) is in the table and not in the backup',
  ])
})

test('without a primary key nothing is merged', () => {
  expect(mergeProblem({ key: [] })).toMatch(/no primary key/)
  expect(mergeProblem({ key: [{ name: 'id', equals: '=' }] })).toBeUndefined()
})
