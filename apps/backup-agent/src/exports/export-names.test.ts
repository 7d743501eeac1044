import { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { csvArtifact } from './export-names.ts'

test('a plain table keeps its name', () => {
  expect(csvArtifact({ schema: 'public', name: 'validation_results' })).toBe('public.validation_results.csv.zst.age')
  expect(csvArtifact({ name: 'recent' })).toBe('query.recent.csv.zst.age')
})

test('tables whose names differ only by what a key cannot hold get names of their own', () => {
  const odd = ['Größe', 'größe', 'GRÖSSE', 'a.b', 'a b', '..', '.hidden', "it's", 'x'.repeat(63)]
  const names = odd.map((name) => csvArtifact({ schema: 'x'.repeat(40), name }))
  expect(new Set(names).size).toBe(odd.length)
})

test('every name is one that targets take', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 63 }),
      fc.string({ minLength: 1, maxLength: 63 }),
      (schema, name) => {
        expect(ArtifactName.safeParse(csvArtifact({ schema, name })).success).toBe(true)
      },
    ),
  )
})
