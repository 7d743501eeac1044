import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')

it('tests that run beside others of their file wait without expect.poll: it belongs to whichever test began last, and to none once that has ended', () => {
  const files = globSync('{apps,packages,e2e,scripts,bench}/**/*.test.ts', {
    cwd: ROOT,
    exclude: (name) => name.includes('node_modules'),
  })
  const beside = files
    .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }))
    .filter(({ text }) => /\b(?:test|it|describe)(?:\.\w+)*\.concurrent\b/.test(text))
  expect(beside.length).toBeGreaterThan(10)
  expect(beside.filter(({ text }) => /\bexpect\.poll\(/.test(text)).map(({ file }) => file)).toEqual([])
})
