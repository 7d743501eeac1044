import { expect, test } from 'vitest'
import { brokenWal } from './broken-wal.ts'
import type { BackupRow } from './catalog.ts'

const at = (hour: number) => `2026-09-26T${String(hour).padStart(2, '0')}:00:00.000Z`

/** A base that ended at this place of the log. */
function aRow(lsn: string, drills: object[] = [], copies: object = { aws: 'stored', gcp: 'stored' }): BackupRow {
  const wal = drills.length === 0 ? {} : { wal: { aws: drills } }
  return { backupId: `base-${lsn}`, copies, physical: { endLsn: lsn }, ...wal } as unknown as BackupRow
}
const failed = (hour: number, reached?: string) => ({ verdict: 'failed', at: at(hour), reasons: ['gone'], reached })
const proven = (hour: number, reached: string) => ({ verdict: 'proven', at: at(hour), reasons: [], reached })

test('WAL that a drill could not replay is broken until one came past it', () => {
  expect(brokenWal([aRow('0/1000000')])).toEqual([])
  expect(brokenWal([aRow('0/1000000', [failed(2, '0/5000000')])])).toMatchObject([{ targetId: 'aws', at: at(2) }])
  expect(brokenWal([aRow('0/1000000', [proven(3, '0/6000000'), failed(2, '0/5000000')])])).toEqual([])
})

test('a drill that ended before the place, or went before it broke, mends nothing', () => {
  expect(brokenWal([aRow('0/1000000', [proven(3, '0/4000000'), failed(2, '0/5000000')])])).toHaveLength(1)
  expect(brokenWal([aRow('0/1000000', [failed(2, '0/5000000'), proven(1, '0/6000000')])])).toHaveLength(1)
})

test('a backup that ended behind it mends it where it lies', () => {
  const broken = aRow('0/1000000', [failed(2, '0/5000000')])
  expect(brokenWal([aRow('0/6000000'), broken])).toEqual([])
  expect(brokenWal([aRow('0/6000000', [], { gcp: 'proven', aws: 'expected' }), broken])).toHaveLength(1)
  expect(brokenWal([aRow('0/6000000', [], { aws: 'disproven' }), broken])).toHaveLength(1)
})

test('where nobody knows the place, only a way through the WAL mends it', () => {
  expect(brokenWal([aRow('0/6000000'), aRow('0/1000000', [failed(2)])])).toHaveLength(1)
  expect(brokenWal([aRow('0/6000000', [proven(3, '0/7000000')]), aRow('0/1000000', [failed(2)])])).toEqual([])
})

test('an archive that ended before the goal is told until a drill came further, and behind what is surely broken', () => {
  const short = { verdict: 'inconclusive', at: at(4), reasons: ['ends early'], reached: '0/7000000' }
  expect(brokenWal([aRow('0/1000000', [short])])).toMatchObject([{ verdict: 'inconclusive' }])
  expect(brokenWal([aRow('0/1000000', [short, failed(2, '0/5000000')])])).toMatchObject([{ verdict: 'failed' }])
  expect(brokenWal([aRow('0/1000000', [short, proven(3, '0/6000000'), failed(2, '0/5000000')])])).toMatchObject([short])
  expect(brokenWal([aRow('0/1000000', [proven(5, '0/8000000'), short])])).toEqual([])
})
