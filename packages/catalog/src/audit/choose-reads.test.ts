import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { chooseReads, type ReadableCopy, readableCopy } from './choose-reads.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = Date.UTC(2026, 8, 26)

const copyOf = (no: number, bytes: number): ReadableCopy => ({
  sourceId: 'records' as SourceId,
  backupId: `20260926T${String(no).padStart(6, '0')}Z-dump-aaaaaa` as BackupId,
  bytes,
  checkedMs: START - DAY + no,
})

/** Lives through so many days, an hour at a time, and tells who was read how often. */
function live(copies: ReadableCopy[], days: number, share = 0.01) {
  const reads = new Map<string, number>()
  let [creditBytes, bytes] = [0, 0]
  for (let hour = 1; hour <= days * 24; hour += 1) {
    const nowMs = START + hour * HOUR
    const choice = chooseReads(copies, { share, sinceMs: HOUR, creditBytes, nowMs })
    creditBytes = choice.creditBytes
    for (const { backupId } of choice.read) {
      const copy = copies.find((one) => one.backupId === backupId) as ReadableCopy
      copy.checkedMs = nowMs
      bytes += copy.bytes
      reads.set(backupId, (reads.get(backupId) ?? 0) + 1)
    }
  }
  return { reads, bytes }
}

test('a hundredth of the bytes a day reads every copy in a hundred days, however unequal they are, and none twice before another', () => {
  const sizes = [900_000, ...Array.from({ length: 99 }, (_, no) => 1000 + no)]
  const copies = sizes.map((bytes, no) => copyOf(no, bytes))
  const { reads, bytes } = live(copies, 101)
  expect(reads.size).toBe(100)
  expect(Math.max(...reads.values()) - Math.min(...reads.values())).toBeLessThanOrEqual(1)
  const total = sizes.reduce((sum, each) => sum + each)
  // The large one may just have been read ahead of its time.
  expect(bytes).toBeLessThanOrEqual(1.01 * total + 900_000)
})

test('a few copies are not read all day long: in a year each of ten about four times', () => {
  const { reads } = live(
    Array.from({ length: 10 }, (_, no) => copyOf(no, 5000)),
    365,
  )
  expect([...reads.values()].every((times) => times === 3 || times === 4)).toBe(true)
})

test('who was away for a month makes up for a day, and a share of nothing reads nothing', () => {
  const copies = Array.from({ length: 100 }, (_, no) => copyOf(no, 1000))
  const month = { share: 0.01, sinceMs: 30 * DAY, creditBytes: 0, nowMs: START + 30 * DAY }
  expect(chooseReads(copies, month).read).toEqual([
    { ...copies[0], reason: 'checked 31 d ago, the longest of 100 copies' },
  ])
  expect(chooseReads(copies, { ...month, share: 0 }).read).toEqual([])
  // A clock that jumped back earns nothing.
  expect(chooseReads(copies, { ...month, sinceMs: -DAY }).read).toEqual([])
})

test('only what should be right is read, and a drill counts as reading', () => {
  const at = (day: number) => new Date(START + day * DAY).toISOString()
  const record = (copy: object) =>
    ({
      ...{ sourceId: 'records', backupId: 'b', bytes: 5, manifestSha256: 'f'.repeat(64) },
      copies: { aws: { state: 'stored', storedAt: at(0), ...copy } },
    }) as unknown as BackupRecord
  const aws = 'aws' as TargetId
  expect(readableCopy(record({}), aws)?.checkedMs).toBe(START)
  expect(readableCopy(record({ readAt: at(2) }), aws)?.checkedMs).toBe(START + 2 * DAY)
  const drilled = { state: 'proven', readAt: at(2), conclusion: { at: at(3) } }
  expect(readableCopy(record(drilled), aws)?.checkedMs).toBe(START + 3 * DAY)
  for (const state of ['missing', 'damaged', 'marked', 'expired', 'expected', 'refused'])
    expect(readableCopy(record({ state }), aws)).toBeUndefined()
  expect(readableCopy(record({}), 'gcp' as TargetId)).toBeUndefined()
})
