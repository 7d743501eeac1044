import { moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import { recordWal, type WalHole, type WalRecord } from './wal-record.ts'

const lsn = (no: number) => formatLsn(BigInt(no))
const at = (minute: number) => moment(Date.UTC(2026, 8, 26, 0, minute))

/** Safe up to a place, and what is lost. */
function state(safe: number, lost?: { from: number; to: number; timeline?: number; since?: number }): WalState {
  const { from = 0, to = 0, timeline = 1, since = to } = lost ?? {}
  const hole = { from: lsn(from), to: lsn(to), timeline, since: at(since), reason: 'the slot was dropped' }
  return {
    ...{ sourceId: 'records' as SourceId, systemIdentifier: '7', timeline: 1, targets: {} },
    ...{ safe: { lsn: lsn(safe), at: at(safe) }, ...(lost && { lost: hole }) },
  } as WalState
}

const holes = (...states: WalState[]): string[] => {
  const record = states.reduce<WalRecord | undefined>((known, one) => recordWal(known, one), undefined)
  return (record?.holes ?? []).map((hole: WalHole) => {
    const place = [hole.from, hole.to].map((one) => Number.parseInt(one.slice(2), 16)).join('-')
    return `${hole.timeline}: ${place} until ${new Date(hole.until).getUTCMinutes()}`
  })
}

test('a hole that has grown stays as wide as it was ever told', () => {
  expect(holes(state(10), state(20, { from: 10, to: 20 }), state(30, { from: 10, to: 30 }))).toEqual([
    '1: 10-30 until 10',
  ])
  expect(holes(state(10), state(30, { from: 10, to: 30 }), state(20, { from: 10, to: 20 }))).toEqual([
    '1: 10-30 until 10',
  ])
})

test('holes at the same place of two timelines are two', () => {
  const second = { from: 10, to: 20, timeline: 2 }
  expect(holes(state(10), state(20, { from: 10, to: 20 }), state(20, second))).toEqual([
    '1: 10-20 until 10',
    // By then more was safe than lies before it.
    '2: 10-20 until 20',
  ])
})

test('what is safe behind a hole says nothing of when the WAL before it was written', () => {
  expect(holes(state(40), state(41, { from: 10, to: 41, since: 12 }))).toEqual(['1: 10-41 until 12'])
})

test('of many holes the newest are remembered', () => {
  const all = Array.from({ length: 70 }, (_, no) => state(no * 10 + 1, { from: no * 10, to: no * 10 + 1, since: 0 }))
  const found = holes(...all)
  expect(found).toHaveLength(64)
  expect([found[0], found.at(-1)]).toEqual([expect.stringContaining('1: 60-61'), expect.stringContaining('1: 690-691')])
})

test('a history that no target has any more is a hole where its timeline begins, until one has it', () => {
  const went = { ...state(50), timeline: 2, ancestors: [{ timeline: 1, end: lsn(30) }] }
  const place = { timeline: 2, from: lsn(30), to: lsn(30), until: at(29), since: at(50) }
  const record = recordWal(undefined, went, [{ ...place, history: true }])
  expect(record.holes).toMatchObject([{ ...place, gone: true, history: true }])
  expect(record.holes[0]?.reason).toContain('where that timeline begins')
  expect(recordWal(record, went, []).holes).toEqual([])
})
