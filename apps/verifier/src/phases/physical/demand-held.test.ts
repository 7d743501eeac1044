import type { RecoveryPlan } from '@lifeboat/recovery/plan/plan.ts'
import { expect, test } from 'vitest'
import { demandHeld } from './demand-held.ts'

const held = { timeline: 2, lsn: '0/5000000' } as never

function plan(end: string, more: { to?: string; timeline?: number } = {}): RecoveryPlan {
  const { to = 'latest', timeline = 2 } = more
  return { goal: { to }, timeline, wal: { end, segmentBytes: 1 << 24 } } as unknown as RecoveryPlan
}

test('an archive that ends before what the target confirmed has lost its end', () => {
  expect(() => demandHeld(held, plan('0/4FFFFF8'))).toThrow('WAL_MISSING')
})

test.each([
  ['it leads as far', held, plan('0/5000000')],
  ['it leads further: more came since', held, plan('0/6000000')],
  ['the agent spoke of another timeline', held, plan('0/4000000', { timeline: 1 })],
  ['the goal is a moment before its end', held, plan('0/4000000', { to: 'time' })],
  ['nobody said how far it leads', undefined, plan('0/4000000')],
])('nothing is wrong where %s', (_, said, planned) => {
  expect(() => demandHeld(said, planned)).not.toThrow()
})
