import { expect, test } from 'vitest'
import { type RowsOf, stagedIn } from './staging.ts'

const names = (tables: [schema: string, name: string][]) =>
  stagedIn(
    'look',
    tables.map(([schema, name]) => ({ schema, name }) as RowsOf),
  ).map(({ at }) => at.name)

test('a table keeps its name, but for one that several schemas have', () => {
  const given: [string, string][] = [
    ['clinic', 'visit'],
    ['public', 'visit'],
    ['public', 'ward'],
  ]
  expect(names(given)).toEqual(['clinic.visit', 'public.visit', 'ward'])
})

test.each<[string, [string, string][]]>([
  [
    'schemas with long names that begin alike',
    [
      [`${'s'.repeat(60)}1`, 'visit'],
      [`${'s'.repeat(60)}2`, 'visit'],
    ],
  ],
  [
    'long names that begin alike in two schemas',
    ['a', 'b'].flatMap((schema): [string, string][] => [
      [schema, `${'ä'.repeat(31)}1`],
      [schema, `${'ä'.repeat(31)}2`],
    ]),
  ],
  [
    'a name that holds a dot',
    [
      ['clinic', 'visit'],
      ['public', 'visit'],
      ['public', 'clinic.visit'],
    ],
  ],
  [
    'dots in schemas and names',
    [
      ['a.b', 'c'],
      ['a', 'b.c'],
      ['x', 'c'],
      ['x', 'b.c'],
    ],
  ],
])('no two tables are staged under one name: %s', (_, tables) => {
  const staged = names(tables)
  expect(new Set(staged).size).toBe(tables.length)
  for (const name of staged) {
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63)
    expect(name).not.toContain('\ufffd')
  }
})
