import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TARGET_KINDS } from './open-target.ts'
import { TargetConfig } from './target-config.ts'

const folder = join(import.meta.dirname, '../test')

test('every kind that can be opened is put through the conformance cases', async () => {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.int.test.ts'))
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))
  const asked = TARGET_KINDS.filter((kind) =>
    texts.some((text) => text.includes('describeTarget(') && new RegExp(`kind: '${kind}'`).test(text)),
  )
  expect(asked).toEqual(TARGET_KINDS)
})

test('every kind that can be configured can be opened', () => {
  const configurable = TargetConfig.options.map((option) => option.shape.kind.value)
  expect(configurable.toSorted()).toEqual(TARGET_KINDS.toSorted())
})
