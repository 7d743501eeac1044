import { expect, test } from 'vitest'
import { RUN_LIFECYCLE, type RunState } from './ledger.ts'

const ENDED: RunState[] = ['succeeded', 'failed', 'cancelled', 'overdue', 'skipped']

test.each(ENDED)('a run that is %s stays so, whatever comes late', (state) => {
  for (const next of Object.values(RUN_LIFECYCLE[state])) expect(['refuse', state]).toContain(next)
})

test('only a running run can succeed', () => {
  const from = Object.entries(RUN_LIFECYCLE).filter(([, row]) => row.succeed === 'succeeded')
  expect(from.map(([state]) => state).sort()).toEqual(['running', 'succeeded'])
})

test('every state can be reached from expected', () => {
  const reached = new Set<RunState>(['expected'])
  for (const state of reached)
    for (const next of Object.values(RUN_LIFECYCLE[state])) if (next !== 'refuse') reached.add(next)
  expect([...reached].sort()).toEqual(Object.keys(RUN_LIFECYCLE).sort())
})
