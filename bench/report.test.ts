import { expect, it } from 'vitest'
import { markdownReport, median, replaceSection } from './report.ts'

it('shows tables aligned, ratios with their promise, and what must be known', () => {
  const report = markdownReport('pnpm bench dump', '2 cores', {
    title: 'One database.',
    tables: [
      {
        columns: ['way', 'seconds'],
        rows: [
          ['ours', 12.5],
          ['theirs', 9],
        ],
      },
    ],
    ratios: [
      { what: 'ours to theirs', ratio: 1.39, limit: 1.15 },
      { what: 'three to one', ratio: 1.1, limit: 1.2 },
      { what: 'a minute of a day', ratio: 1 / 1440, limit: 1 },
    ],
    notes: ['noisy'],
  })
  expect(report).toMatchInlineSnapshot(`
    "\`pnpm bench dump\` on 2 cores.

    One database.

    | way    | seconds |
    |--------|---------|
    | ours   | 12.5    |
    | theirs | 9       |

    - ours to theirs: **1.39 ×** (at most 1.15: **missed**)
    - three to one: **1.10 ×** (at most 1.2: held)
    - a minute of a day: **0.0007 ×** (at most 1: held)

    - noisy"
  `)
})

it('replaces a section and leaves the others as they were', () => {
  const first = replaceSection(replaceSection('', 'dump', 'old'), 'catalog', 'other')
  const second = replaceSection(first, 'dump', 'new')
  expect(second).toBe(first.replace('old', 'new'))
  expect(second).toMatch(/^# Benchmarks\n[\s\S]*## dump\n\nnew\n\n## catalog\n\nother\n$/)
})

it('takes the middle of the measurements, not their mean', () => {
  expect(median([100, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
})
