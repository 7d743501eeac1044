import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { TARGET_KINDS } from '../src/open-target.ts'
import { TargetConfig } from '../src/target-config.ts'

const exercised = new Map(
  readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.int.test.ts'))
    .map((file) => [file.replace('.int.test.ts', ''), readFileSync(`${import.meta.dirname}/${file}`, 'utf8')]),
)

test('every kind of target there is goes through the conformance cases, against a real server', () => {
  for (const kind of TARGET_KINDS) {
    expect(exercised.keys(), `test/${kind}.int.test.ts`).toContain(kind)
    expect(exercised.get(kind)).toMatch(/describeTarget\(/)
  }
})

test('every kind the configuration knows can be opened', () => {
  const configurable = TargetConfig.options.map((option) => option.shape.kind.value)
  expect(configurable.toSorted()).toEqual(TARGET_KINDS.toSorted())
})

test('no suite of a kind can skip itself: what is expected to run runs or fails', () => {
  for (const [kind, source] of exercised)
    expect(source, `test/${kind}.int.test.ts`).not.toMatch(/\b(?:it|test|describe)\.(?:skip|skipIf|runIf|todo|only)\b/)
})
