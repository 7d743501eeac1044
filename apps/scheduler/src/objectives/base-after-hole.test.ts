import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { describe, expect, test } from 'vitest'
import { aPlan } from '../../test/paper.ts'
import { at, lsnAt, NOON } from '../../test/physical-facts.ts'
import { baseAfterHole, type HoleQuestion } from './base-after-hole.ts'

const MINUTE = 60_000
const dump = aPlan()
const weekly = aPlan({ policyId: 'weekly', kind: 'base' })
const changes = aPlan({ policyId: 'changes', kind: 'incremental' })
const hole = { timeline: 1, from: lsnAt(-2), to: lsnAt(-1), until: at(-2), since: at(-1), reason: 'given up' }
const row = (endHour: number, state = 'stored') =>
  ({ state, physical: { timeline: 1, endLsn: lsnAt(endHour) } }) as BackupRow
const run = (state: string, policyId = 'weekly') =>
  ({ runId: `${policyId}.x`, policyId, sourceId: 'records', state, dueAt: at(-1) }) as LedgerEntry

const ask = (over: Partial<HoleQuestion> = {}) =>
  baseAfterHole({ hole, way: pathTo(1), physical: [row(-5)], plans: [dump, weekly], runs: [], nowMs: NOON, ...over })

describe('a base because WAL is lost', () => {
  test('is asked for when nobody else has, with its reason and its full time', () => {
    expect(ask()).toMatchObject({
      policyId: 'weekly',
      state: 'expected',
      dueAt: at(0),
      lateAt: at(0.25),
      reason: expect.stringContaining('is lost'),
    })
  })

  test('may be an incremental where a policy takes them: it leads on just as well', () => {
    expect(ask({ plans: [dump, weekly, changes] })).toMatchObject({ policyId: 'changes' })
  })

  test('is not asked for when one has ended behind the hole, or is under way', () => {
    expect(ask({ physical: [row(-0.5, 'sealed')] })).toBeUndefined()
    for (const state of ['expected', 'wished', 'running']) expect(ask({ runs: [run(state)] })).toBeUndefined()
  })

  test('is asked for although one ended at a higher position of a branch that was left', () => {
    const way = pathTo(2, [{ timeline: 1, end: parseLsn(lsnAt(-3)) }])
    const onTwo = { ...hole, timeline: 2 }
    expect(ask({ hole: onTwo, way, physical: [row(-0.5)] })).toMatchObject({ policyId: 'weekly' })
    const physical = [{ ...row(-0.5), physical: { timeline: 2, endLsn: lsnAt(-0.5) } } as BackupRow]
    expect(ask({ hole: onTwo, way, physical })).toBeUndefined()
  })

  test('is asked for although a dump runs, an older base has failed, or one is expected next week', () => {
    const next = { ...run('expected'), dueAt: at(100) }
    expect(ask({ runs: [run('running', 'daily'), run('failed'), next], physical: [row(-0.5, 'failed')] })).toBeDefined()
  })

  test('is asked for under one name by all schedulers, and under another half an hour later', () => {
    const first = ask()
    expect(ask({ nowMs: NOON + MINUTE })?.runId).toBe(first?.runId)
    expect(ask({ nowMs: NOON + MINUTE, runs: [{ ...run('failed'), runId: first?.runId as never }] })).toBeUndefined()
    expect(ask({ nowMs: NOON + 31 * MINUTE })?.runId).not.toBe(first?.runId)
  })

  test('is left to the agent that lost the WAL for some minutes', () =>
    expect(ask({ nowMs: Date.parse(hole.since) + 4 * MINUTE })).toBeUndefined())

  test('cannot be asked for where no policy takes any', () => expect(ask({ plans: [dump] })).toBeUndefined())
})
