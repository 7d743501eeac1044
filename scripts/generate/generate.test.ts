import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MESSAGES } from '@lifeboat/shared/bus/messages/all.ts'
import { CATALOGUE } from '@lifeboat/shared/errors/catalogue.ts'
import { expect, test } from 'vitest'
import { asyncApi } from './asyncapi.ts'
import { BUCKETS } from './buckets.ts'
import { busDoc } from './bus-doc.ts'
import { errorsDoc } from './errors-doc.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('every bucket that a program opens is described', () => {
  const sources = globSync('{apps,packages}/*/src/**/*.ts', { cwd: root }).filter((path) => !path.endsWith('.test.ts'))
  const opened = sources.flatMap((path) => [
    ...readFileSync(join(root, path), 'utf8').matchAll(/name(?:: | = )'(lifeboat_[a-z_]+)'/g),
  ])
  const names = new Set(opened.map(([, name]) => name))
  expect(names).toContain('lifeboat_ledger')
  expect(new Set(BUCKETS.map(({ name }) => name))).toEqual(names)
})

test('every message is described with its subject, owner and required fields', () => {
  const text = busDoc()
  for (const type of MESSAGES) expect(text).toContain(`## ${type.subject} v${type.version}\n\n${type.summary}`)
  expect(text).toContain('`lifeboat.wish.backup.requested.v1.{agentId}`')
  expect(text).toContain('dedupe key `copy.stored.v1/{targetId}/{backupId}`')
  expect(text).toContain('| `part.sha256` | string `^[0-9a-f]{64}$` | yes |')
})

test('every message definition is in the list of all messages', () => {
  const sources = globSync('packages/shared/src/bus/messages/*.ts', { cwd: root })
  const text = sources.map((path) => readFileSync(join(root, path), 'utf8')).join('\n')
  expect(MESSAGES).toHaveLength(text.match(/= defineMessage\(/g)?.length ?? 0)
})

test('every reference inside the AsyncAPI document leads somewhere', () => {
  const document = JSON.parse(asyncApi()) as Record<string, unknown>
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '')
  expect(references.length).toBeGreaterThan(MESSAGES.length)
  for (const path of references) {
    const found = path
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
    expect(found, path).toBeDefined()
  }
})

test('every error code has its chapter, and every chapter its code', () => {
  const chapters = [...errorsDoc().matchAll(/^## (\S+)$/gm)].map(([, code]) => code)
  expect(chapters).toEqual(Object.keys(CATALOGUE))
})
