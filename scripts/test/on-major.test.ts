import { globSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ALL_SUITES, STORIES } from './on-major.ts'

const project = join(import.meta.dirname, '../..')
const suites = globSync(['{apps,packages}/*/test/**/*.int.test.ts', 'e2e/*.e2e.test.ts'], { cwd: project })

it.each([...STORIES, ...ALL_SUITES])('%s is a suite there is, so naming it runs something', (story) => {
  expect(suites.filter((suite) => suite.startsWith(story))).not.toEqual([])
})

it.each(STORIES)('%s is among the suites that depend on the major', (story) => {
  expect(ALL_SUITES.some((all) => story.startsWith(all))).toBe(true)
})
