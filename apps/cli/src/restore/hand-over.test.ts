import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { systemClock } from '@lifeboat/shared/time/clock.ts'
import { expect, test } from 'vitest'
import type { Context } from '../context.ts'
import { type Handed, sendOrder } from './hand-over.ts'
import { orderHead } from './orders.ts'

const to = { agentId: 'db1', sourceId: 'records' } as Parameters<typeof orderHead>[1]
const head = (more: object) => () => orderHead('acme' as never, to, {}, { why: 'rows are gone', ...more }, 0)

test('a command whose waiting nobody understands is not sent', async () => {
  const sent: unknown[] = []
  const bus = { publish: async (...wish: unknown[]) => sent.push(wish) } as unknown as Bus
  const context = { terminal: { err() {} }, options: {}, clock: systemClock } as unknown as Context
  const facts = { option: '--timeout', given: '5' }
  await expect(sendOrder(bus, {} as Handed, context, '5')).rejects.toMatchObject({ code: 'CLI_USAGE', facts })
  expect(sent).toEqual([])
})

test('times no agent would take are refused before anybody signs', () => {
  expect(head({ validFor: '24h' })).not.toThrow()
  for (const [option, more] of [
    ['--valid-for', { validFor: '25h' }],
    ['--valid-for', { validFor: '0s' }],
    ['--drain', { drain: '10' }],
    ['--timeout', { timeout: 'soon' }],
  ] as const)
    expect(head(more)).toThrow(
      expect.objectContaining({ code: 'CLI_USAGE', facts: expect.objectContaining({ option }) }),
    )
})
