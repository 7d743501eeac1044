import { expect, test } from 'vitest'
import { generateCliDocs } from './generate-docs.ts'

const page = generateCliDocs()['docs/cli.md'] ?? ''

test('the page has every command that can be run, by its whole name, also one that has commands below it', () => {
  const names = [...page.matchAll(/^## (.*)$/gm)].map(([, name]) => name)
  expect(names).toEqual(
    expect.arrayContaining(['lifeboat recover', 'lifeboat recover revert', 'lifeboat operator key new']),
  )
  expect(names.filter((name) => !name?.startsWith('lifeboat '))).toEqual(['Exit codes'])
  expect(page).toMatch(/## lifeboat recover\n[^#]*`--from <target>`[^#]*`--pause`/)
})
