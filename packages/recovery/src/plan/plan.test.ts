import type { BackupId, Moment } from '@lifeboat/shared/domain/ids.ts'
import { parseHistory } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, type Lsn, segmentAt, type Timeline, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Goal } from '../goal.ts'
import type { PhysicalBackup } from './chain.ts'
import type { ListedWal } from './coverage.ts'
import { planRecovery, type Stock } from './plan.ts'

const SEGMENT = 0x100_0000
const HOUR = 3_600_000
const MIDNIGHT = Date.parse('2026-09-26T00:00:00.000Z')
const at = (hours: number) => new Date(MIDNIGHT + hours * HOUR).toISOString() as Moment
const lsn = (segments: number) => formatLsn(BigInt(Math.round(segments * SEGMENT)))

interface Builder {
  id?: string
  ended?: number
  segment?: number
  timeline?: Timeline
  parent?: PhysicalBackup
}

/** Ended at `ended` o'clock within segment `segment`; began a quarter of an hour and of a segment before. */
function aBase({ id = 'a', ended = 1, segment = 3, timeline = 1, parent }: Builder = {}): PhysicalBackup {
  const facts = { timeline, startLsn: lsn(segment + 0.25), endLsn: lsn(segment + 0.5), segmentBytes: SEGMENT }
  const more = { fromStandby: false, checksums: { enabled: true, failures: [] }, tablespaces: [] }
  return {
    backupId: `20260926T000000Z-base-${id.padEnd(6, '0')}` as BackupId,
    kind: parent ? 'incremental' : 'base',
    startedAt: at(ended - 0.25),
    snapshotAt: at(ended),
    physical: { ...facts, ...more, chain: parent ? 1 : 0, ...(parent && { parent: parent.backupId }) },
  }
}

/** A whole segment, shipped as many hours after midnight as its number says. */
function aSegment(no: number, timeline: Timeline = 1, storedAt = no): ListedWal {
  const object: WalObject = {
    kind: 'segment',
    segment: segmentAt(timeline, BigInt(no) * BigInt(SEGMENT), SEGMENT),
    digest: 'd'.repeat(16),
  }
  return { key: `${timeline}/${no}`, object, bytes: 100, storedAt: MIDNIGHT + storedAt * HOUR }
}

function aStock(more: Partial<Stock> = {}): Stock {
  const wal = [4, 5, 6, 7, 8].map((no) => aSegment(no))
  return { backups: [aBase()], wal, histories: new Map(), now: MIDNIGHT + 24 * HOUR, ...more }
}

function refusal(stock: Stock, goal: Goal, more: { timeline?: Timeline; from?: BackupId } = {}): string {
  try {
    planRecovery(stock, { goal, ...more })
    return 'planned'
  } catch (thrown) {
    return LifeboatError.from(thrown).code
  }
}
const time = (hours: number): Goal => ({ to: 'time', time: at(hours) })

describe('what is refused before anything is fetched', () => {
  const later = aBase({ id: 'b', ended: 6.5, segment: 6 })
  const cases: [string, string, Stock, Goal, { timeline?: Timeline; from?: BackupId }?][] = [
    ['a time that has not come', 'RECOVERY_IN_FUTURE', aStock(), time(25)],
    ['a time before the oldest base', 'RECOVERY_BEFORE_WINDOW', aStock(), time(0.1)],
    ['a time inside the oldest base', 'RECOVERY_INSIDE_BASE', aStock(), time(0.9)],
    ['a position inside the oldest base', 'RECOVERY_INSIDE_BASE', aStock(), { to: 'lsn', lsn: lsn(3.3) }],
    ['a position before the oldest base', 'RECOVERY_BEFORE_WINDOW', aStock(), { to: 'lsn', lsn: lsn(2) }],
    ['a time behind the last stored WAL', 'RECOVERY_BEYOND_ARCHIVE', aStock(), time(9)],
    ['a position behind the last stored WAL', 'RECOVERY_BEYOND_ARCHIVE', aStock(), { to: 'lsn', lsn: lsn(9.1) }],
    ['a time without any WAL behind the base', 'RECOVERY_BEYOND_ARCHIVE', aStock({ wal: [] }), time(2)],
    ['a time in a hole', 'RECOVERY_IN_GAP', aStock({ wal: [4, 5, 7, 8].map((no) => aSegment(no)) }), time(6)],
    ['a time behind a hole', 'RECOVERY_IN_GAP', aStock({ wal: [4, 5, 7, 8].map((no) => aSegment(no)) }), time(7.5)],
    [
      'the latest behind a hole',
      'RECOVERY_IN_GAP',
      aStock({ wal: [5, 6].map((no) => aSegment(no)) }),
      { to: 'latest' },
    ],
    ['no base at all', 'RECOVERY_NO_BASE', aStock({ backups: [] }), { to: 'latest' }],
    ['a backup nobody has', 'RECOVERY_NO_BASE', aStock(), { to: 'latest' }, { from: later.backupId }],
    ['a timeline nobody knows', 'RECOVERY_TIMELINE_UNKNOWN', aStock(), { to: 'latest' }, { timeline: 7 }],
    [
      'an incremental without its parent',
      'RECOVERY_PARENT_MISSING',
      aStock({ backups: [aBase({ parent: later })] }),
      { to: 'end of backup' },
    ],
    [
      'a branch that was left before the base ended',
      'RECOVERY_NO_BASE',
      aStock({ backups: [later], histories: new Map([[2, parseHistory(2, '1\t0/5000000\tno recovery target')]]) }),
      { to: 'latest' },
    ],
  ]
  test.each(cases)('%s: %s', (_, code, stock, goal, more) => {
    expect(refusal(stock, goal, more)).toBe(code)
  })
})

test('the newest backup that ended before the goal is taken, with its parents in order', () => {
  const full = aBase({ id: 'a', ended: 1, segment: 3 })
  const second = aBase({ id: 'b', ended: 4.5, segment: 4, parent: full })
  const third = aBase({ id: 'c', ended: 6.5, segment: 6, parent: second })
  const stock = aStock({ backups: [third, full, second] })
  const plan = planRecovery(stock, { goal: time(6) })
  expect(plan.chain).toEqual([full, second])
  expect(plan.wal?.objects.map(({ key }) => key)).toEqual(['1/5', '1/6', '1/7', '1/8'])
  expect(planRecovery(stock, { goal: { to: 'latest' } }).chain).toEqual([full, second, third])
})

test('a chain with a missing parent is passed over, and the plan says so', () => {
  const full = aBase()
  const orphan = aBase({ id: 'c', ended: 5.5, segment: 5, parent: aBase({ id: 'gone' }) })
  const plan = planRecovery(aStock({ backups: [full, orphan] }), { goal: { to: 'latest' } })
  expect(plan.chain).toEqual([full])
  expect(plan.notes).toEqual([
    `${orphan.backupId} cannot be used: its ancestor ${aBase({ id: 'gone' }).backupId} is not there.`,
  ])
})

test('a time before a hole is left to PostgreSQL', () => {
  const stock = aStock({ wal: [4, 5, 7].map((no) => aSegment(no)) })
  expect(planRecovery(stock, { goal: time(4.9) }).wal).toMatchObject({
    end: lsn(6),
    objects: [{ key: '1/4' }, { key: '1/5' }],
  })
})

test('recovery follows a promotion: the old timeline up to the switch, then the new one', () => {
  const histories = new Map([[2, parseHistory(2, '1\t0/5800000\tno recovery target specified\n')]])
  const wal = [aSegment(4), aSegment(5), aSegment(5, 2), aSegment(6, 2)]
  const plan = planRecovery(aStock({ wal, histories }), { goal: { to: 'latest' } })
  expect(plan).toMatchObject({ timeline: 2, wal: { end: lsn(7) } })
  // The old primary went on alone; its work is reached only when its timeline is named.
  const split = { ...aStock({ wal: [...wal, aSegment(6), aSegment(7)], histories }) }
  expect(planRecovery(split, { goal: { to: 'latest' } })).toMatchObject({ timeline: 2, wal: { end: lsn(7) } })
  expect(planRecovery(split, { goal: { to: 'latest' }, timeline: 1 })).toMatchObject({ wal: { end: lsn(8) } })
})

test('what only the replay can find begins at the oldest base, unless a later one is named', () => {
  const backups = [aBase({ id: 'a' }), aBase({ id: 'b', ended: 5, segment: 5 })]
  const goal: Goal = { to: 'name', name: 'before the upgrade' }
  expect(planRecovery(aStock({ backups }), { goal }).chain).toEqual([backups[0]])
  expect(planRecovery(aStock({ backups }), { goal }).notes).toHaveLength(1)
  expect(planRecovery(aStock({ backups }), { goal, from: backups[1]?.backupId as BackupId }).chain).toEqual([
    backups[1],
  ])
})

test('of a standby only the WAL up to its end is inside: the archive must hold the rest of that segment', () => {
  const base = aBase()
  const standby = { ...base, physical: { ...base.physical, fromStandby: true } }
  expect(refusal(aStock({ backups: [standby] }), { to: 'latest' })).toBe('RECOVERY_IN_GAP')
  const wal = [3, 4].map((no) => aSegment(no))
  expect(planRecovery(aStock({ backups: [standby], wal }), { goal: { to: 'latest' } }).wal?.end).toBe(lsn(5))
})

test('whatever is missing: a position is planned exactly when every byte before it is there', () => {
  const presence = fc.array(fc.boolean(), { minLength: 6, maxLength: 6 })
  fc.assert(
    fc.property(presence, fc.integer({ min: 4 * 16, max: 10 * 16 }), (there, sixteenth) => {
      // Segments 4 to 9; each is there whole, or as two pieces of which the second may be missing.
      const wal = there.flatMap((whole, index) => (whole ? [aSegment(4 + index)] : [aPiece(4 + index, 0, SEGMENT / 2)]))
      const firstHole = there.indexOf(false)
      const end = firstHole < 0 ? 10 : 4 + firstHole + 0.5
      const goal: Goal = { to: 'lsn', lsn: lsn(sixteenth / 16) as Lsn }
      expect(refusal(aStock({ wal }), goal) === 'planned').toBe(sixteenth / 16 <= end)
    }),
  )
})

function aPiece(no: number, from: number, to: number): ListedWal {
  const whole = aSegment(no)
  if (whole.object.kind !== 'segment') throw new Error('a segment')
  return { ...whole, object: { ...whole.object, kind: 'piece', from, to } }
}
