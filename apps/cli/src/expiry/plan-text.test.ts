import type { ExpiryPlan } from '@lifeboat/catalog/expiry/plan.ts'
import { expect, test } from 'vitest'
import { styleFor } from '../format/style.ts'
import { planText } from './plan-text.ts'

test('what to type next carries out the plan that is shown, also one of a single source', () => {
  const plan = {
    digest: 'abc',
    decisions: [],
    going: [{ marked: false }],
    returning: [],
    wal: [],
    bytes: 1,
    excess: [],
  }
  const next = (source?: string) =>
    planText(plan as unknown as ExpiryPlan, source, styleFor(false))
      .split('\n')
      .at(-1)
  expect(next()).toBe('lifeboat expiry apply --plan abc')
  expect(next('records')).toBe('lifeboat expiry apply --plan abc --source records')
})
