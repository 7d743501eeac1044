import { expect, it } from 'vitest'
import { objectivesIn } from './objectives.ts'

it('reads what is promised of each level from the last column of the table', () => {
  const page = `# Runbooks

| level | what is lost | objective: within |
|---|---|---|
| 1 | a service, or NATS | 30m |
| 4 | the site: all of it | 24h |

| name | for instance |
|---|---|
| \`$PORT\` | 5433 |
`
  expect([...objectivesIn(page)]).toEqual([
    [1, 1_800_000],
    [4, 86_400_000],
  ])
})
