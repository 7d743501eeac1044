import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { problemLine } from './problems.ts'
import { checkConfigText } from './read-config.ts'
import { SERVICE_SECTIONS } from './sections.ts'

const FOLDER = new URL('bad/', import.meta.url)

/** Each file of bad/ says behind `#!`, on the line it is about, every problem that must be found; nothing else may be. */
function expected(text: string): string[] {
  return text.split('\n').flatMap((line, i) =>
    line
      .split(' #! ')
      .slice(1)
      .map((problem) => `${i + 1} ${problem}`),
  )
}

function found(text: string): string[] {
  return checkConfigText(text, 'f', SERVICE_SECTIONS.cli).problems.map((problem) => {
    const place = `f:${problem.line}:${problem.column} `
    return `${problem.line} ${problem.severity} ${problemLine(problem).slice(place.length)}`
  })
}

describe('every problem of a bad file is found at once, each on its line with a hint', () => {
  for (const name of readdirSync(FOLDER)) {
    const text = readFileSync(new URL(name, FOLDER), 'utf8')
    test(name.replace('.yaml.txt', ''), () => {
      expect(found(text.replaceAll(/ #! .*$/gm, '')).sort()).toEqual(expected(text).sort())
    })
  }
})

test('no problem repeats the secret it complains about', () => {
  const text = readFileSync(new URL('secrets.yaml.txt', FOLDER), 'utf8').replaceAll(/ #! .*$/gm, '')
  expect(text).toContain('hunter2')
  expect(JSON.stringify(checkConfigText(text, 'f', SERVICE_SECTIONS.cli).problems)).not.toMatch(/hunter2/i)
})

test('a problem points at the value, and at the name where the name is wrong', () => {
  const text = 'version: 1\nfleet: records\nbus:\n  servers: [4222]\n  pasword: x\n'
  const { problems } = checkConfigText(text, 'f', ['bus'])
  expect(problems.map(({ path, line, column }) => ({ path, line, column }))).toEqual([
    { path: 'bus.servers[0]', line: 4, column: 13 },
    { path: 'bus.pasword', line: 5, column: 3 },
  ])
})

test('an empty file and a list are no configuration', () => {
  expect(checkConfigText('', 'f', ['bus']).problems[0]?.message).toBe('the file is empty')
  expect(checkConfigText('- a', 'f', ['bus']).problems[0]?.message).toBe('the file is not a block of settings')
})
