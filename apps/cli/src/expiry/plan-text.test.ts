import { type LockedCopy, markKey } from '@lifeboat/catalog/expiry/buckets.ts'
import type { ExpiryPlan } from '@lifeboat/catalog/expiry/plan.ts'
import type { Going } from '@lifeboat/catalog/expiry/planner.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { styleFor } from '../format/style.ts'
import { planJson, planText } from './plan-text.ts'

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
    planText(plan as unknown as ExpiryPlan, source, new Map(), styleFor(false))
      .split('\n')
      .at(-1)
  expect(next()).toBe('lifeboat expiry apply --plan abc')
  expect(next('records')).toBe('lifeboat expiry apply --plan abc --source records')
})

test('a copy its store does not give up says until when, as text and as JSON, and one of which no date is known says that', () => {
  const ids = ['a', 'b', 'c'] as never[]
  const copies = ids.map((backupId) => ({
    ...{
      backupId,
      targetId: 'aws',
      policyId: 'daily',
      kind: 'dump',
      atMs: 0,
      bytes: 1,
      do: 'let-go',
      reasons: ['old'],
    },
  }))
  const going = copies.map((copy) => ({ ...copy, sourceId: 'records', marked: true }))
  const decisions = [{ sourceId: 'records', copies, wal: [], walKept: [] }]
  const plan = {
    digest: 'abc',
    decisions,
    going,
    returning: [],
    wal: [],
    bytes: 0,
    excess: [],
  } as unknown as ExpiryPlan
  const held = (backupId: string, until?: string) => {
    const about = { sourceId: 'records', backupId, targetId: 'aws', at: '2026-11-01T00:00:00.000Z' } as LockedCopy
    return [markKey(about), { ...about, ...(until && { until: until as LockedCopy['until'] }) }] as const
  }
  const locked = new Map([held('a', '2026-12-24T00:00:00.000Z'), held('b')])
  const text = planText(plan, undefined, locked, styleFor(false))
  expect(text).toContain('old; the store holds it until 2026-12-24 00:00:00Z')
  expect(text).toContain('old; the store holds it and names no date')
  expect(text).toContain(
    '2 of them are locked by their store, the last until 2026-12-24 00:00:00Z; each goes when its lock ends',
  )
  const [first, second, third] = planJson(plan, locked).sources[0]?.copies ?? []
  expect(first?.locked).toEqual({ until: '2026-12-24T00:00:00.000Z' })
  expect(second?.locked).toEqual({ until: null })
  expect(third).not.toHaveProperty('locked')
})

test('a copy that is not even hidden yet says until when its store refuses to remove it, as the catalogue knows it from the put', () => {
  const about = { backupId: 'a', targetId: 'aws', policyId: 'daily', kind: 'dump', atMs: 0, bytes: 1 } as never as Going
  const copy = { ...about, do: 'let-go' as const, reasons: ['old'], lockedUntilMs: Date.UTC(2026, 11, 24) }
  const plan = {
    ...{ digest: 'abc', returning: [], wal: [], bytes: 0, excess: [] },
    decisions: [{ sourceId: 'records' as SourceId, copies: [copy], wal: [], walKept: [] }],
    going: [{ ...copy, sourceId: 'records' as SourceId, marked: false }],
  }
  const text = planText(plan, undefined, new Map(), styleFor(false))
  expect(text).toContain('old; the store holds it until 2026-12-24 00:00:00Z')
  expect(text).toContain(
    '1 of them is locked by its store, the last until 2026-12-24 00:00:00Z; each goes when its lock ends',
  )
  const [shown] = planJson(plan, new Map()).sources[0]?.copies ?? []
  expect(shown).toMatchObject({ locked: { until: '2026-12-24T00:00:00.000Z' } })
  expect(shown).not.toHaveProperty('lockedUntilMs')
})
