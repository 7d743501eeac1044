import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import { pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import { untilHole } from './written-until.ts'

const day = (no: number) => moment(Date.UTC(2026, 8, no))
const base = (no: number, lsn: bigint, timeline = 2) =>
  ({
    ...{ startedAt: day(no), snapshotAt: day(no) },
    physical: { timeline, startLsn: formatLsn(lsn), endLsn: formatLsn(lsn + 5n) },
  }) as BackupRow
const way = pathTo(2, [{ timeline: 1, end: 50n }])
const begun = { at: day(1), lsn: formatLsn(10n) }
const until = (stored: Moment | undefined, rows: readonly BackupRow[], from = begun) =>
  untilHole(stored, 100n, { rows, way, begun: from })

test('what a target stored before any backup behind the hole had begun was written by then', () => {
  expect(until(day(20), [base(21, 100n), base(19, 95n)])).toBe(day(20))
})

test('of what was filled in later only the backups before the hole say when it was written', () => {
  const rows = [base(25, 300n), base(23, 100n), base(20, 100n, 1), base(19, 95n), base(18, 90n)]
  expect(until(day(26), rows)).toBe(day(19))
  expect(until(day(26), [base(23, 100n)])).toBe(day(1))
  expect(until(day(26), [base(23, 100n)], { at: day(22), lsn: formatLsn(200n) })).toBe(moment(0))
  // What is stored lags behind what is written.
  const minutes = (no: number) => moment(Date.parse(day(23)) + no * 60_000)
  expect([until(minutes(-4), rows), until(minutes(-6), rows)]).toEqual([day(19), minutes(-6)])
})

test('a backup of a branch that was left and one of tables say nothing', () => {
  const tables = { startedAt: day(20), snapshotAt: day(20) } as BackupRow
  expect(until(day(26), [base(22, 200n, 1), tables])).toBe(day(26))
  expect(until(undefined, [base(22, 90n, 1), tables])).toBe(day(1))
})

test('where no store says when, it is as much as is known to have been kept', () => {
  expect(until(undefined, [base(23, 100n), base(19, 95n)])).toBe(day(19))
  expect(until(undefined, [])).toBe(day(1))
})
