import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
/**
 * What leaves a test out, and on which condition. Tests of the target contract give their reason to vitest: each store has its own.
 *
 * NOTE: a condition by its name, or `orNotRun(…)` in place.
 */
const LEFT_OUT = /\b(?:(?:test|it|describe)(?:\.\w+)*\.(?:runIf|skipIf|skip|todo)|skip)\((!?[\w.]*)/g

it('every test that may be left out says so, and what it needs', () => {
  const files = globSync('{apps,packages,e2e,scripts,bench}/**/*.test.ts', {
    cwd: ROOT,
    exclude: (name) => name.includes('node_modules'),
  })
  expect(files.length).toBeGreaterThan(300)
  const silent = files.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8')
    const conditions = [...text.matchAll(LEFT_OUT)].map(([, condition = '']) => condition.replace('!', ''))
    return conditions.filter((condition) => !isTold(condition, text)).map((condition) => `${file}: ${condition}`)
  })
  expect(silent).toEqual([])
})

function isTold(condition: string, text: string): boolean {
  return condition === 'orNotRun' || new RegExp(`const ${condition} =\\s+orNotRun\\(`).test(text)
}
