import { expect, test } from 'vitest'
import { demandOf } from './preflight.ts'

const GB = 1024 ** 3
const chainOf = (length: number) => Array.from({ length }, () => ({})) as never

test('a base alone needs room for itself', () => {
  const demand = demandOf(
    { chain: chainOf(1), wal: undefined },
    [{ databaseBytes: 10 * GB, artifactBytes: 2 * GB }],
    15,
    'combined',
  )
  expect(demand).toMatchObject({ bytes: 10 * GB, major: 15 })
  expect(demand.programs).not.toContain('pg_combinebackup')
})

test('a chain lies there twice where it is combined, and once where it goes over its base', () => {
  const sizes = [
    { databaseBytes: 10 * GB, artifactBytes: 2 * GB },
    { databaseBytes: 12 * GB, artifactBytes: GB / 5 },
  ]
  const demand = demandOf({ chain: chainOf(2), wal: undefined }, sizes, 17, 'combined')
  expect(demand.bytes / GB).toBeCloseTo(12 + 10 + 1)
  expect(demand.programs).toContain('pg_combinebackup')
  const over = demandOf({ chain: chainOf(2), wal: undefined }, sizes, 17, 'over the base')
  expect(over.bytes / GB).toBeCloseTo(12)
  expect(over.programs).not.toContain('pg_combinebackup')
})

test('a replay needs more: WAL on its way, and what it adds', () => {
  const sizes = [{ databaseBytes: 10 * GB, artifactBytes: 2 * GB }]
  expect(demandOf({ chain: chainOf(1), wal: {} as never }, sizes, 15, 'combined').bytes / GB).toBeCloseTo(13)
})
