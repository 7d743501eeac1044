import type { PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { StayedCounts } from './buckets.ts'
import { type CopyDecision, NOT_SURE } from './question.ts'
import { excessOf, sharesOf, stayedOf } from './stayed.ts'

const DAILY = 'daily' as PolicyId
const AWS = 'aws' as TargetId
const before: StayedCounts = { [DAILY]: { [AWS]: 30 } }

/** So many copies of a policy that stay and go. */
function copies({ stay = 0, go = 0, unsure = 0, policyId = 'daily' }): CopyDecision[] {
  const some = (count: number, verdict: 'keep' | 'let-go', reason: string) =>
    Array.from({ length: count }, () => ({ policyId, targetId: AWS, do: verdict, reasons: [reason] }))
  return [
    ...some(stay, 'keep', 'a rule'),
    ...some(unsure, 'keep', `${NOT_SURE}of something`),
    ...some(go, 'let-go', 'no rule'),
  ] as unknown as CopyDecision[]
}
const shares = (...all: CopyDecision[]) => sharesOf(all, () => false)
const excess = (all: CopyDecision[], known: StayedCounts | undefined) =>
  excessOf('records' as SourceId, shares(...all), known, 0.7)

test('a typo in one policy is noticed however many backups other policies have', () => {
  const typo = [...copies({ stay: 3, go: 27 }), ...copies({ policyId: 'often', stay: 900 })]
  expect(excess(typo, { ...before, often: { aws: 900 } } as StayedCounts)).toEqual([
    '3 of the 30 backups of daily of records at aws would stay; 30 stayed last time',
  ])
  expect(excess(typo, undefined)).toEqual([
    '27 of the 30 backups of daily of records at aws would go, and nothing is known of a time before',
  ])
})

test('a month of frequent backups may go where as many stay as did', () => {
  expect(excess(copies({ stay: 30, go: 2900 }), before)).toEqual([])
  expect(excess(copies({ stay: 9, go: 2900 }), before)).toEqual([])
  expect(excess(copies({ stay: 8, go: 2900 }), before)).toHaveLength(1)
})

test('where none stayed the last time nothing is known', () => {
  expect(excess(copies({ stay: 1, go: 9 }), { [DAILY]: { [AWS]: 0 } })).toHaveLength(1)
})

test('hidden copies are gone already', () => {
  expect(sharesOf(copies({ stay: 1, go: 9 }), ({ do: verdict }) => verdict === 'let-go')).toMatchObject([
    { stays: 1, goes: 0 },
  ])
})

test('what is not sure, or held, says nothing about what stays by the rules: the last count holds on', () => {
  const sure = shares(...copies({ stay: 12, go: 1 }))
  expect(stayedOf(sure, before, { isHeld: false })).toEqual({ daily: { aws: 12 } })
  expect(stayedOf(sure, before, { isHeld: true })).toEqual(before)
  const doubtful = shares(...copies({ stay: 12, unsure: 500 }))
  expect(stayedOf(doubtful, before, { isHeld: false })).toEqual(before)
  expect(stayedOf(doubtful, undefined, { isHeld: false })).toEqual({})
})
