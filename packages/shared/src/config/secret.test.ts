import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Secret } from './secret.ts'

test('no ordinary way of printing shows a secret', () => {
  const secret = new Secret('hunter2')
  const printed = [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: { secret } }),
    String(secret),
  ]
  for (const text of printed) expect(text).not.toContain('hunter2')
  expect(secret.reveal()).toBe('hunter2')
})
