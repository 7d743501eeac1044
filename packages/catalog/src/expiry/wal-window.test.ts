import type { BackupId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type Path, pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, parseWalKey, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { describe, expect, test } from 'vitest'
import { decideExpiry } from './decide.ts'
import type { Candidate, ExpiryQuestion } from './question.ts'
import { walToLetGo } from './wal-window.ts'

const SEGMENT = 16 * 1024 ** 2
const segment = (timeline: number, no: number) =>
  `${timeline.toString().padStart(8, '0')}00000000${no.toString(16).toUpperCase().padStart(8, '0')}`
const listed = (name: string) => ({ name, object: parseWalKey(`${name}.0123456789abcdef.zst.age`) as WalObject })
const before = (no: number) => formatLsn(BigInt(no) * BigInt(SEGMENT))

test('WAL that ends before the window goes; the segment the window begins in, newer timelines and histories stay', () => {
  const names = [segment(1, 3), segment(1, 4), segment(1, 5), segment(2, 3), '00000002.history']
  const gone = walToLetGo(names.map(listed), { timeline: 1, before: before(5), segmentBytes: SEGMENT })
  expect(gone.map(({ name }) => name)).toEqual([segment(1, 3), segment(1, 4)])
})

test('WAL of older timelines that ends before the window goes as well', () => {
  const names = [segment(1, 3), segment(2, 4), segment(2, 5)]
  const gone = walToLetGo(names.map(listed), { timeline: 2, before: before(5), segmentBytes: SEGMENT })
  expect(gone.map(({ name }) => name)).toEqual([segment(1, 3), segment(2, 4)])
})

test('a window that begins inside a segment needs all of it', () => {
  const inside = formatLsn(5n * BigInt(SEGMENT) + 40n)
  const window = { timeline: 1, before: inside, segmentBytes: SEGMENT }
  const gone = walToLetGo([segment(1, 4), segment(1, 5)].map(listed), window)
  expect(gone.map(({ name }) => name)).toEqual([segment(1, 4)])
})

test('pieces go when their segment is there whole, wherever it lies', () => {
  const names = [`${segment(1, 9)}.00000000-00100000`, segment(1, 9), `${segment(1, 10)}.00000000-00100000`]
  const gone = walToLetGo(names.map(listed), { timeline: 1, before: before(2), segmentBytes: SEGMENT })
  expect(gone.map(({ name }) => name)).toEqual([`${segment(1, 9)}.00000000-00100000`])
})

describe('of a cluster that was brought back in place', () => {
  const DAY = 86_400_000
  const NOW = Date.UTC(2026, 10, 29)
  /** In this world the server fills ten segments a day. */
  const placeAt = (daysAgo: number) => BigInt(Math.round((1000 - daysAgo * 10) * SEGMENT))
  const base = (daysAgo: number, timeline: number): Candidate => ({
    ...{ backupId: `t${timeline}-d${daysAgo}` as BackupId, policyId: 'weekly' as PolicyId, kind: 'base', sealed: true },
    ...{ atMs: NOW - daysAgo * DAY, bytes: 1, needs: [] },
    wal: { timeline, startLsn: formatLsn(placeAt(daysAgo) - 16n), endLsn: formatLsn(placeAt(daysAgo)) },
    copies: [{ targetId: 'aws' as TargetId, state: 'there', proven: true }],
  })
  /** A week of WAL is wanted; rules keep but the newest. */
  const ask = (backups: Candidate[], walPath: Path | undefined, holds: ExpiryQuestion['holds'] = []) => {
    const rulesOf = () => ({ last: 1, minAge: DAY, zone: 'UTC' })
    const about = { sourceId: 'records' as SourceId, backups, rulesOf, holds, doubts: [], nowMs: NOW }
    const { copies, wal, walKept } = decideExpiry({ ...about, walWindowMs: 7 * DAY, walPath })
    const reasons = copies.flatMap((copy) => (copy.do === 'keep' ? [[copy.backupId, copy.reasons] as const] : []))
    const going = wal.map(({ anchor, timeline, before }) => ({ anchor, timeline, before }))
    return { kept: Object.fromEntries(reasons), wal: going, walKept: walKept.map(({ reason }) => reason) }
  }
  /** To eight days ago: what timeline 1 was after that is left. */
  const restored = pathTo(2, [{ timeline: 1, end: placeAt(8) }])
  const [older, left, oldest] = [base(21.5, 1), base(7.5, 1), base(35.5, 1)]

  test('the window begins with a base on the way of the present timeline, and its WAL stays', () => {
    const found = ask([oldest, older, left], restored)
    expect(found.kept['t1-d21.5' as BackupId]).toEqual(['recovery to any moment of the last 7 d begins with it'])
    expect(found.wal).toEqual([{ anchor: 't1-d21.5', timeline: 1, before: older.wal?.startLsn }])
  })

  test('a base on the branch that was left stays while it leads into the window there, with its WAL', () => {
    const ahead = base(7.2, 1)
    const young = base(0.5, 2)
    const found = ask([older, ahead, young], restored)
    expect(found.kept['t1-d7.2' as BackupId]).toEqual([
      'recovery to any moment of the last 7 d on a branch that was left begins with it',
    ])
    const reverted = ask([base(20, 3), base(9, 2), young], pathTo(3, [{ timeline: 1, end: placeAt(30) }]))
    expect(reverted.wal).toEqual([{ anchor: 't3-d20', timeline: 2, before: base(20, 3).wal?.startLsn }])
  })

  test('no WAL goes while no base on the way is older than the window, though one on another branch is', () => {
    const found = ask([left, base(0.5, 2)], restored)
    expect(found).toMatchObject({
      wal: [],
      walKept: ['no proven base on the way of timeline 2 is older than the window'],
    })
    expect(ask([left], restored).walKept).toEqual(found.walKept)
  })

  test('neither WAL nor a base it may begin with goes while the way is not known', () => {
    const found = ask([oldest, older, left], undefined)
    expect(found).toMatchObject({ wal: [], walKept: ['it is not known which way its timeline came'] })
    const reason = 'it is not known which way its timeline came, and recovery may begin with it'
    expect(Object.values(found.kept).every((reasons) => reasons?.includes(reason))).toBe(true)
    expect(Object.keys(found.kept)).toHaveLength(3)
  })

  test('once a base of the new branch is older than the window, it begins with that', () => {
    const young = base(7.1, 2)
    const { wal, kept } = ask([older, left, young, base(1, 2)], restored)
    expect(wal).toEqual([{ anchor: 't2-d7.1', timeline: 2, before: young.wal?.startLsn }])
    expect(Object.keys(kept)).toEqual(['t2-d1', 't2-d7.1'])
  })

  test('where an older timeline leads into the window and a newer one was left, WAL of the older one counts', () => {
    const found = ask([base(20, 1), base(9, 2), base(0.5, 3)], pathTo(3, [{ timeline: 1, end: placeAt(15) }]))
    expect(found.wal).toEqual([{ anchor: 't1-d20', timeline: 1, before: base(20, 1).wal?.startLsn }])
  })

  test('a newer base that begins at an earlier place keeps WAL from there on', () => {
    const back = {
      ...base(5, 2),
      wal: { timeline: 2, startLsn: formatLsn(placeAt(30)), endLsn: formatLsn(placeAt(29)) },
    }
    const { wal } = ask([base(20, 1), back], pathTo(1))
    expect(wal).toEqual([{ anchor: 't1-d20', timeline: 1, before: formatLsn(placeAt(30)) }])
  })

  test('a base that ended just when the window begins leads into it', () => {
    expect(ask([base(7, 1), base(14, 1)], pathTo(1)).wal).toMatchObject([{ anchor: 't1-d7' }])
  })

  describe('a chain leads into the window', () => {
    const link = (daysAgo: number, parent: string, state: 'there' | 'bad' = 'there'): Candidate => ({
      ...base(daysAgo, 1),
      ...{ kind: 'incremental', needs: [parent as BackupId] },
      copies: [{ targetId: 'aws' as TargetId, state, proven: true }],
    })
    const bad = (one: Candidate): Candidate => ({
      ...one,
      copies: one.copies.map((copy) => ({ ...copy, state: 'bad' as const })),
    })
    const anchor = (...backups: Candidate[]) => ask(backups, pathTo(1)).wal[0]?.anchor
    const full = base(30, 1)

    test('when all of it is there', () => {
      expect(anchor(full, link(20, 't1-d30'), link(10, 't1-d20'))).toBe('t1-d10')
    })

    test('not when its parent, or a parent of that, is bad or not at this target', () => {
      const elsewhere = {
        ...link(20, 't1-d30'),
        copies: [{ ...base(20, 1).copies[0], targetId: 'gcp' as TargetId }],
      } as Candidate
      expect(anchor(full, bad(link(20, 't1-d30')), link(10, 't1-d20'))).toBe('t1-d30')
      expect(anchor(full, elsewhere, link(10, 't1-d20'))).toBe('t1-d30')
      expect(anchor(base(40, 1), bad(full), link(20, 't1-d30'), link(10, 't1-d20'))).toBe('t1-d40')
    })
  })

  test('a hold on the source keeps its WAL, one on a backup does not', () => {
    const hold = { sourceId: 'records' as SourceId, by: 'ada', why: 'incident 17' }
    const backups = [base(20, 1), base(9, 1)]
    expect(ask(backups, pathTo(1), [hold])).toMatchObject({ wal: [], walKept: ['held by ada: incident 17'] })
    expect(ask(backups, pathTo(1), [{ ...hold, backupId: 't1-d20' as BackupId }]).wal).toMatchObject([
      { anchor: 't1-d9' },
    ])
  })
})
