import { expect, test } from 'vitest'
import { choosePlans } from './plans.ts'

const policy = (...sources: string[]) => ({ sources, kind: 'dump', grace: 1, maxDuration: 2 })
const config = {
  sources: { records: { agent: 'db1' }, billing: { agent: 'db2' }, daily2: { agent: 'db1' } },
  policies: { daily: policy('records', 'billing'), hourly: policy('records'), daily2: policy('daily2') },
} as never
const chosen = (name: string, by?: string) =>
  choosePlans(config, name, by).map((plan) => `${plan.policyId}/${plan.sourceId}@${plan.agentId}`)

test('a policy means all its sources, a source the one policy it is under', () => {
  expect(chosen('daily')).toEqual(['daily/records@db1', 'daily/billing@db2'])
  expect(chosen('billing')).toEqual(['daily/billing@db2'])
})

test('a source under several policies needs --policy, and the policies are named', () => {
  expect(() => chosen('records')).toThrow(/CLI_USAGE.*policies=daily,hourly/)
  expect(chosen('records', 'hourly')).toEqual(['hourly/records@db1'])
})

test('a name that is a source and a policy is not guessed', () => {
  expect(() => chosen('daily2')).toThrow(/CLI_USAGE.*--policy/)
  expect(chosen('daily2', 'daily2')).toEqual(['daily2/daily2@db1'])
})

test('an unknown name is answered with the nearest one', () => {
  expect(() => chosen('recrods')).toThrow(/SOURCE_UNKNOWN.*Did you mean records\?/)
})
