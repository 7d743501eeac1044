import { type BackupId, moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BackupRow, Rehearsal, SourceSummary } from './catalog.ts'
import { measureObjectives } from './objectives.ts'
import { randomMoment } from './objectives-random.ts'
import { reachOf } from './objectives-reach.ts'
import { anchorsOf, windowsOf } from './objectives-window.ts'
import { recordWal, type WalRecord } from './wal-record.ts'

const HOUR = 3_600_000
const NOON = Date.UTC(2026, 8, 26, 12)
const sourceId = 'records' as SourceId
const GB = 1e9

/** In this world the server writes one megabyte an hour, so that a place in the log is a time. */
const lsnAt = (hour: number) => formatLsn(BigInt(Math.round(1e10 + hour * 1e6)))
const at = (hour: number) => moment(NOON + hour * HOUR)

/** Took half an hour and ended then. */
function base(hour: number, over: Record<string, unknown> = {}): BackupRow {
  const { parent, timeline = 1, kind = 'base', ...rest } = over
  return {
    backupId: idAt(hour, String(kind)),
    sourceId,
    policyId: 'weekly',
    kind,
    state: 'stored',
    startedAt: at(hour - 0.5),
    snapshotAt: at(hour),
    sealedAt: at(hour),
    bytes: 1000,
    databaseBytes: 10 * GB,
    physical: {
      timeline,
      startLsn: lsnAt(hour - 0.5),
      endLsn: lsnAt(hour),
      chain: parent === undefined ? 0 : 1,
      checksumFailures: 0,
      ...(parent === undefined ? {} : { parent }),
    },
    copies: { aws: 'stored', gcp: 'stored' },
    ...rest,
  } as unknown as BackupRow
}
const idAt = (hour: number, kind = 'base') =>
  `${at(hour - 0.5).replaceAll(/[-:]|\.\d+/g, '')}-${kind}-aaaaaa` as BackupId
const incremental = (hour: number, parentHour: number, over = {}) =>
  base(hour, { kind: 'incremental', parent: idAt(parentHour), ...over })
const dump = (hour: number, over = {}) => {
  const { physical: _, ...row } = base(hour, { kind: 'dump', ...over })
  return row as BackupRow
}

function summary(rows: BackupRow[], over: Partial<SourceSummary> = {}): SourceSummary {
  return { sourceId, recent: rows.toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1)), ...over }
}

function state(hour: number, over: Partial<Record<keyof WalState, unknown>> = {}): WalState {
  return {
    sourceId,
    systemIdentifier: '7',
    timeline: 1,
    safe: { lsn: lsnAt(hour), at: at(hour) },
    targets: {},
    ...over,
  } as WalState
}
const lostBetween = (from: number, to: number) => ({
  lost: { from: lsnAt(from), to: lsnAt(to), timeline: 1, since: at(to), reason: 'the slot was dropped' },
})

/** Kept since an hour before the first base. */
const since = (hour: number) => recordWal(undefined, state(hour))
const measure = (over: Partial<Parameters<typeof measureObjectives>[0]>) =>
  measureObjectives({ sourceId, nowMs: NOON, ...over })
const windows = (rows: BackupRow[], record: WalRecord, now: WalState) =>
  windowsOf(anchorsOf(summary(rows)), { state: now, record }).map(({ from, to, current }) => [from, to, current])

describe('the recoverable window', () => {
  test('reaches from the end of the oldest base to what is off-site', () => {
    const found = measure({ summary: summary([base(-48), base(-24)]), record: since(-60), state: state(-0.01) })
    expect(found.windows).toEqual([{ from: at(-48), to: at(-0.01), base: idAt(-48), current: true }])
    expect(found).toMatchObject({ by: 'wal', recoverableUntil: at(-0.01), rpoMs: 36_000 })
  })

  test('says from where on a drill has proven what leads into it, and that none has', () => {
    const known = { record: since(-60), state: state(-0.01) }
    const proven = (hour: number) => base(hour, { copies: { aws: 'proven' } })
    const provenFrom = (...rows: BackupRow[]) =>
      measure({ summary: summary(rows), ...known }).windows.map((window) => [window.from, window.provenFrom])
    expect(provenFrom(base(-48), base(-24))).toEqual([[at(-48), undefined]])
    expect(provenFrom(base(-48), proven(-24), proven(-12))).toEqual([[at(-48), at(-24)]])
    expect(provenFrom(proven(-48), base(-24))).toEqual([[at(-48), at(-48)]])
    // The target at which it was proven lacks its parent since.
    const rows = [base(-48, { copies: { aws: 'missing', gcp: 'stored' } })]
    const copies = { aws: 'proven', gcp: 'stored' }
    expect(provenFrom(...rows, incremental(-24, -48, { copies }))).toEqual([[at(-48), undefined]])
  })

  test('reaches back to a base that was complete before anybody looked at its WAL', () => {
    const first = state(-1, { begun: { lsn: lsnAt(-3), at: at(-3) } })
    expect(windows([base(-2)], recordWal(undefined, first), state(-0.01))).toEqual([[at(-2), at(-0.01), true]])
    expect(windows([base(-4)], recordWal(undefined, first), state(-0.01))).toEqual([])
  })

  test('is cut by a hole, and goes on behind it with the next base', () => {
    const before = since(-60)
    const record = recordWal(recordWal(before, state(-30)), state(-20, lostBetween(-30, -20)))
    const now = state(-0.01)
    expect(windows([base(-48)], record, now)).toEqual([[at(-48), at(-30), false]])
    expect(windows([base(-48), base(-10)], record, now)).toEqual([
      [at(-48), at(-30), false],
      [at(-10), at(-0.01), true],
    ])
    expect(measure({ summary: summary([base(-48)]), record, state: now })).toMatchObject({
      by: 'backup',
      rpoMs: 48 * HOUR,
    })
  })

  test('begins with no base inside a hole, nor with one older than the archive', () => {
    const record = recordWal(recordWal(since(-40), state(-30)), state(-20, lostBetween(-30, -20)))
    expect(windows([base(-48), base(-25)], record, state(-0.01))).toEqual([])
  })

  test('is claimed by nobody who does not know since when WAL is kept, or whose cluster is another one', () => {
    const rows = summary([base(-48)])
    expect(measure({ summary: rows, state: state(-0.01) })).toMatchObject({ by: 'backup', windows: [] })
    const other = state(-0.01, { systemIdentifier: '8' })
    expect(measure({ summary: rows, record: since(-60), state: other }).windows).toEqual([])
  })

  test('is not cut by a hole in a branch that was left', () => {
    const record = recordWal(recordWal(since(-60), state(-30)), state(-20, lostBetween(-30, -20)))
    const ancestors = [{ timeline: 1, end: lsnAt(-36) }]
    const now = state(-0.01, { timeline: 2, ancestors })
    expect(windows([base(-48)], record, now)).toEqual([[at(-48), at(-0.01), true]])
  })

  test('does not begin with a base of a branch that was left, also when the new one has come past it', () => {
    const record = since(-60)
    const rows = [base(-48), base(-30)]
    const ancestors = [{ timeline: 1, end: lsnAt(-36) }]
    expect(windows(rows, record, state(-0.01, { timeline: 2, ancestors }))).toEqual([[at(-48), at(-0.01), true]])
    expect(windows([base(-30)], record, state(-0.01, { timeline: 2, ancestors }))).toEqual([])
    const found = windowsOf(anchorsOf(summary(rows)), { record, state: state(-0.01, { timeline: 2, ancestors }) })
    expect(found[0]?.anchors.map(({ backupId }) => backupId)).toEqual([idAt(-48)])
  })

  test('begins with bases of the very timeline alone while its ancestors are not known', () => {
    const rows = [base(-48), base(-30, { timeline: 2 })]
    expect(windows(rows, since(-60), state(-0.01, { timeline: 2 }))).toEqual([[at(-30), at(-0.01), true]])
  })

  test('does not begin with a base whose copies are worthless or not there yet, nor with half a chain', () => {
    const record = since(-60)
    const now = state(-0.01)
    expect(windows([base(-48, { copies: { aws: 'disproven', gcp: 'expected' } })], record, now)).toEqual([])
    expect(windows([incremental(-24, -48)], record, now)).toEqual([])
    const apart = [base(-48, { copies: { aws: 'stored' } }), incremental(-24, -48, { copies: { gcp: 'stored' } })]
    expect(anchorsOf(summary(apart)).map(({ backupId }) => backupId)).toEqual([idAt(-48)])
    const together = [base(-48), incremental(-24, -48, { copies: { gcp: 'proven' } })]
    expect(anchorsOf(summary(together)).map(({ targets }) => targets)).toEqual([['aws', 'gcp'], ['gcp']])
  })

  test('begins with the oldest base also after it left the recent rows', () => {
    const rows = summary([base(-1)], { firstBase: base(-2000), olderPhysical: [base(-100)] })
    expect(measure({ summary: rows, record: since(-3000), state: state(0) }).windows[0]?.from).toBe(at(-2000))
  })

  test('WAL without a base recovers nothing', () => {
    const found = measure({
      summary: summary([dump(-9)]),
      record: since(-60),
      state: state(0),
      promise: { rpo: HOUR, rto: HOUR },
    })
    expect(found).toMatchObject({ by: 'backup', rpoMs: 9 * HOUR, kept: { rpo: false, rto: null }, windows: [] })
  })
})

test('a source of which nothing is stored would lose everything, and breaks its promise', () => {
  const rows = summary([base(-1, { state: 'sealed', copies: { aws: 'expected' } })])
  expect(measure({ summary: rows, promise: { rpo: HOUR, rto: HOUR } })).toEqual({
    sourceId,
    rpoMs: null,
    windows: [],
    promise: { rpoMs: HOUR, rtoMs: HOUR },
    kept: { rpo: false, rto: null },
  })
})

describe('the expected time of recovery', () => {
  const drill = (kind: string, minutes: number, gb: number): Rehearsal =>
    ({
      backupId: idAt(-48),
      kind,
      targetId: 'aws',
      at: at(-1),
      recoveryMs: minutes * 60_000,
      databaseBytes: gb * GB,
    }) as never

  test('is the median of what drills took, scaled to the size of now', () => {
    const rehearsals = [drill('dump', 10, 10), drill('dump', 30, 10), drill('dump', 11, 5)]
    const found = measure({ summary: summary([dump(-1)], { rehearsals }), promise: { rpo: HOUR, rto: 20 * 60_000 } })
    expect(found.rto).toEqual({ ms: 22 * 60_000, kind: 'dump', drills: 3 })
    expect(found.kept?.rto).toBe(false)
  })

  test('does not shrink with the data', () => {
    const rehearsals = [drill('dump', 10, 40)]
    expect(measure({ summary: summary([dump(-1)], { rehearsals }) }).rto?.ms).toBe(600_000)
  })

  test('is that of physical backups where WAL brings the data back, and unknown while only dumps were drilled', () => {
    const rows = [base(-48), dump(-1)]
    const wal = { record: since(-60), state: state(0) }
    const rehearsals = [drill('dump', 10, 10)]
    expect(measure({ ...wal, summary: summary(rows, { rehearsals }) }).rto).toBeUndefined()
    const both = [...rehearsals, drill('incremental', 4, 10)]
    expect(measure({ ...wal, summary: summary(rows, { rehearsals: both }) }).rto).toMatchObject({
      ms: 240_000,
      drills: 1,
    })
  })
})

describe('whether a moment can be reached is said beforehand', () => {
  const record = recordWal(recordWal(since(-60), state(-30)), state(-20, lostBetween(-30, -20)))
  const rows = [base(-48), incremental(-36, -48), base(-10), base(-5)]
  const ask = (hour: number) => {
    const found = windowsOf(anchorsOf(summary(rows)), { state: state(-0.01), record })
    const reach = reachOf(NOON + hour * HOUR, found, NOON)
    return reach.reachable ? reach.from.backupId : [reach.code, reach.facts]
  }
  const time = (hour: number) => ({ time: at(hour) })

  test.each([
    ['with the newest base that ended before it', -9, idAt(-10)],
    ['with an incremental where that is newer', -35, idAt(-36, 'incremental')],
    ['at the very end of a base', -48, idAt(-48)],
    ['at the newest moment that is off-site', -0.01, idAt(-5)],
    ['not in the future', 1, ['RECOVERY_IN_FUTURE', { ...time(1), now: at(0) }]],
    ['not before the window', -50, ['RECOVERY_BEFORE_WINDOW', { ...time(-50), earliest: at(-48) }]],
    [
      'not inside the first base',
      -48.2,
      ['RECOVERY_INSIDE_BASE', { ...time(-48.2), base: idAt(-48), consistentFrom: at(-48) }],
    ],
    ['not in a hole', -25, ['RECOVERY_IN_GAP', { ...time(-25), latestBefore: at(-30), earliestAfter: at(-10) }]],
    ['not before its WAL is off-site', -0.005, ['RECOVERY_BEYOND_ARCHIVE', { ...time(-0.005), latest: at(-0.01) }]],
  ])('%s', (_, hour, answer) => expect(ask(hour)).toEqual(answer))

  test('inside a later base an older one leads there', () => expect(ask(-5.2)).toBe(idAt(-10)))
  test('without any base there is nowhere to go', () =>
    expect(reachOf(NOON, [], NOON)).toMatchObject({ reachable: false, code: 'RECOVERY_NO_BASE' }))
})

describe('the record of WAL', () => {
  test('keeps a hole after the agent has forgotten it, and lets it grow', () => {
    let record = recordWal(since(-60), state(-30))
    record = recordWal(record, state(-20, lostBetween(-30, -25)))
    record = recordWal(record, state(-20, lostBetween(-30, -22)))
    record = recordWal(record, state(-1))
    expect(record.holes).toMatchObject([{ from: lsnAt(-30), to: lsnAt(-22), until: at(-30) }])
    expect(record.since).toEqual({ lsn: lsnAt(-60), at: at(-60) })
  })

  const vanished = (from: number, to: number) => {
    const [hole] = [{ timeline: 1, from: lsnAt(from), to: lsnAt(to), until: at(from), since: at(-1) }]
    return [hole] as never
  }

  test('has what vanished from every target as a hole, among the others by its place, until any has it again', () => {
    const before = recordWal(recordWal(since(-60), state(-30)), state(-20, lostBetween(-30, -25)))
    const record = recordWal(before, state(-1), vanished(-50, -49))
    expect(record.holes).toMatchObject([
      { from: lsnAt(-50), to: lsnAt(-49), until: at(-50), gone: true },
      { from: lsnAt(-30), to: lsnAt(-25) },
    ])
    expect(recordWal(record, state(-1)).holes).toEqual(record.holes)
    expect(recordWal(record, state(-1), []).holes).toEqual(before.holes)
    expect(windows([base(-55), base(-40), base(-10)], record, state(-0.01))).toEqual([
      [at(-55), at(-50), false],
      [at(-40), at(-30), false],
      [at(-10), at(-0.01), true],
    ])
  })

  test('counts once what was known to be lost, and nothing that vanished from a branch that was left', () => {
    const record = recordWal(recordWal(since(-60), state(-30)), state(-20, lostBetween(-30, -20)))
    expect(recordWal(record, state(-1), vanished(-28, -22)).holes).toEqual(record.holes)
    const ancestors = [{ timeline: 1, end: lsnAt(-36) }]
    const on = (from: number) => recordWal(since(-60), state(-1, { timeline: 2, ancestors }), vanished(from, -1)).holes
    expect([on(-30).length, on(-40).length]).toEqual([0, 1])
  })

  test('begins anew with another cluster under the same name', () => {
    const record = recordWal(
      recordWal(since(-60), state(-20, lostBetween(-30, -25))),
      state(-1, { systemIdentifier: '8' }),
    )
    expect(record).toMatchObject({ systemIdentifier: '8', since: { at: at(-1) }, holes: [] })
  })
})

describe('a random moment', () => {
  test('lies in between, is the same for the same run and another for another', () => {
    const hour = fc.integer({ min: 1, max: 10_000 })
    fc.assert(
      fc.property(fc.string(), hour, (seed, hours) => {
        const found = randomMoment(seed, at(0), at(hours)) ?? ''
        expect(found > at(0) && found <= at(hours)).toBe(true)
        expect(randomMoment(seed, at(0), at(hours))).toBe(found)
      }),
    )
    expect(new Set(Array.from({ length: 50 }, (_, i) => randomMoment(`run-${i}`, at(0), at(5)))).size).toBe(50)
  })

  test('is none where nothing lies in between', () =>
    expect(randomMoment('run', at(0), moment(NOON + 500))).toBeUndefined())
})
