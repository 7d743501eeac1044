import { expect, test } from 'vitest'
import { parseTableName, TableName } from './table-name.ts'

test('a table is named as SQL names it', () => {
  expect(parseTableName('Validation_Results')).toEqual({ schema: 'public', name: 'validation_results' })
  expect(parseTableName('clinic."Odd ""name"".x"')).toEqual({ schema: 'clinic', name: 'Odd "name".x' })
  expect(parseTableName('größe')).toEqual({ schema: 'public', name: 'größe' })
  expect(parseTableName('"My Schema".*')).toEqual({ schema: 'My Schema', name: undefined })
})

test('what SQL would not take is refused', () => {
  for (const bad of ['', '*', 'a b', 'a.b.c', 'x; drop table y', '"', '1st', 'a."b'])
    expect(TableName.safeParse(bad).success, bad).toBe(false)
})
