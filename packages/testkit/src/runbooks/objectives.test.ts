import { expect, it } from 'vitest'
import { objectivesIn } from './objectives.ts'

it('reads what is promised of each level from the last columns of the table', () => {
  const page = `# Runbooks

| level | what is lost | objective: within | data lost at most |
|---|---|---|---|
| 1 | a service, or NATS | 30m | nothing |
| 4 | the site: all of it | 24h | 4h |

| name | for instance |
|---|---|
| \`$PORT\` | 5433 |
`
  expect([...objectivesIn(page)]).toEqual([
    [1, { withinMs: 1_800_000, lostMs: 0 }],
    [4, { withinMs: 86_400_000, lostMs: 14_400_000 }],
  ])
})
