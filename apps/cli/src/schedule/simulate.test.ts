import { decideExpiry } from '@lifeboat/catalog/expiry/decide.ts'
import { expect, test } from 'vitest'
import { comingRuns, localText } from './coming-runs.ts'
import type { CalendarPlan } from './plans.ts'
import { type SimulateQuestion, simulate } from './simulate.ts'

const DAY = 86_400_000

const plan = (change: Partial<Record<keyof CalendarPlan, unknown>> = {}): CalendarPlan =>
  ({
    ...{ policyId: 'daily', sourceId: 'records', kind: 'dump', cron: '0 2 * * *', zone: 'UTC' },
    ...{ targets: ['aws', 'gcp'], maxChain: 0, ...change },
  }) as never

const play = (
  plans: CalendarPlan[],
  from: string,
  days: number,
  rulesOf: SimulateQuestion['rulesOf'] = () => undefined,
) => {
  const fromMs = Date.parse(from)
  return [...simulate({ plans, fromMs, untilMs: fromMs + days * DAY, rulesOf, decide: decideExpiry })]
}

test('what runs and what is kept are told by plan and target', () => {
  const rulesOf: SimulateQuestion['rulesOf'] = (_policy, target) => ({
    daily: target === 'aws' ? 7 : 14,
    minAge: DAY,
    zone: 'UTC',
  })
  expect(play([plan()], '2026-09-01T00:00:00Z', 60, rulesOf)).toEqual([
    {
      ...{ policyId: 'daily', sourceId: 'records', kind: 'dump', cron: '0 2 * * *', zone: 'UTC', runs: 60 },
      ...{ first: '2026-09-01T02:00:00.000Z', last: '2026-10-30T02:00:00.000Z' },
      kept: {
        aws: { backups: 7, oldest: '2026-10-24T02:00:00.000Z' },
        gcp: { backups: 14, oldest: '2026-10-17T02:00:00.000Z' },
      },
    },
  ])
})

test('without rules everything stays', () => {
  expect(play([plan()], '2026-09-01T00:00:00Z', 10)[0]?.kept.aws?.backups).toBe(10)
})

test('the days the clocks change have the runs a scheduler would start', () => {
  const zone = 'Europe/Berlin'
  const runs = (cron: string, from: string) => play([plan({ cron, zone })], from, 1)[0]?.runs
  // Forward: 02:30 does not exist and runs once all the same. Back: it comes twice and runs once.
  expect(runs('30 2 * * *', '2026-03-28T23:00:00Z')).toBe(1)
  expect(runs('30 2 * * *', '2026-10-24T22:00:00Z')).toBe(1)
  const coming = comingRuns([plan({ zone })], Date.parse('2026-10-24T12:00:00Z'), 2)
  expect(coming.map(({ at, local }) => `${at} ${local}`)).toEqual([
    '2026-10-25T00:00:00.000Z Sun 2026-10-25 02:00 +02:00',
    '2026-10-26T01:00:00.000Z Mon 2026-10-26 02:00 +01:00',
  ])
  expect(localText(0, 'UTC')).toBe('Thu 1970-01-01 00:00 +00:00')
})

test('what a kept incremental builds on is kept with it', () => {
  const rulesOf: SimulateQuestion['rulesOf'] = () => ({ last: 1, minAge: 0, zone: 'UTC' })
  const [chain] = play(
    [plan({ kind: 'incremental', cron: '0 */6 * * *', maxChain: 6 })],
    '2026-09-01T00:00:00Z',
    10,
    rulesOf,
  )
  expect(chain?.runs).toBe(40)
  // 40 runs in chains of 7: the last is the fifth of its chain.
  expect(chain?.kept.aws?.backups).toBe(5)
})

test('the soonest run of all plans comes first', () => {
  const plans = [plan(), plan({ policyId: 'often', cron: '*/15 * * * *' })]
  const coming = comingRuns(plans, Date.parse('2026-09-01T01:40:00Z'), 3)
  expect(coming.map(({ policyId, at }) => `${policyId} ${at.slice(11, 16)}`)).toEqual([
    'often 01:45',
    'daily 02:00',
    'often 02:00',
  ])
})

test('a fleet of a thousand sources is played through, one source after the other', () => {
  const plans = Array.from({ length: 1_000 }, (_, no) => plan({ sourceId: `s${no}`, targets: ['aws'] }))
  const rulesOf: SimulateQuestion['rulesOf'] = () => ({ last: 3, minAge: 0, zone: 'UTC' })
  let runs = 0
  const fromMs = Date.parse('2026-09-01T00:00:00Z')
  for (const { runs: own } of simulate({ plans, fromMs, untilMs: fromMs + 100 * DAY, rulesOf, decide: decideExpiry }))
    runs += own
  expect(runs).toBe(100_000)
})
