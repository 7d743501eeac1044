import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ERROR_CODES } from './catalogue.ts'

test('every code stands in one file of entries, and no file is forgotten', () => {
  const folder = join(import.meta.dirname, 'entries')
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  const written = texts.flatMap((text) => [...text.matchAll(/^ {2}([A-Z][A-Z_]+): \{$/gm)].map(([, code]) => code))
  expect([...written, 'INTERNAL'].sort()).toEqual([...ERROR_CODES].sort())
})
