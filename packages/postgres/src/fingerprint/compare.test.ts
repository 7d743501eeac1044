import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import { expect, test } from 'vitest'
import { compareFingerprints, counted } from './compare.ts'
import { withLaterSequences } from './sequences.ts'

const one: Fingerprint = {
  format: 1,
  database: 'records',
  major: 15,
  bootstrapRole: 'postgres',
  tables: [{ schema: 'public', name: 'patient', rows: 3, hash: '17' }],
  sequences: [{ schema: 'public', name: 'ids', lastValue: '100', isCalled: true }],
  largeObjects: { count: 0 },
  notValid: [],
  schema: { indexes: { count: 1, hash: 'a', objects: { 'public.patient_pkey': 'x' } } },
  extensions: { hstore: '1.8' },
  settings: [],
}

test('what a sequence did while the dump ran is no difference, what it never was is one', () => {
  const busy = withLaterSequences(one, [{ schema: 'public', name: 'ids', lastValue: '140', isCalled: true }])
  const restoredAt = (lastValue: string) =>
    compareFingerprints(busy, { ...one, sequences: [{ schema: 'public', name: 'ids', lastValue, isCalled: true }] })
  expect(restoredAt('100')).toEqual([])
  expect(restoredAt('120')).toEqual([])
  expect(restoredAt('99')).toMatchObject([
    { sentence: 'Sequence public.ids stands at 99 instead of between 100 and 140.' },
  ])
  expect(restoredAt('141')).toHaveLength(1)
})

test('a definition that another major words otherwise is tolerated, with the reason; an object that is gone is not', () => {
  const reworded = { indexes: { count: 1, hash: 'b', objects: { 'public.patient_pkey': 'y' } } }
  const gone = { indexes: { count: 0, hash: 'c', objects: {} } }
  const [difference, ...none] = compareFingerprints(one, { ...one, major: 17, schema: reworded })
  expect(none).toEqual([])
  expect(difference?.tolerated).toBe('PostgreSQL 17 describes its objects in other words than PostgreSQL 15.')
  expect(counted(compareFingerprints(one, { ...one, schema: reworded }))).toHaveLength(1)
  expect(counted(compareFingerprints(one, { ...one, major: 17, schema: gone }))).toMatchObject([
    { area: 'indexes', object: 'public.patient_pkey', kind: 'missing' },
  ])
})

test('another version of an extension is told but does not count, for a dump names none', () => {
  const differences = compareFingerprints(one, { ...one, extensions: { hstore: '1.9' } })
  expect(differences).toMatchObject([{ sentence: 'Extension hstore is at version 1.9 instead of 1.8.' }])
  expect(counted(differences)).toEqual([])
})

test('a table measured by count only on one side is compared by its count', () => {
  const counts = { ...one, tables: [{ schema: 'public', name: 'patient', rows: 3 }] }
  expect(compareFingerprints(counts, one)).toEqual([])
  expect(
    compareFingerprints(counts, { ...one, tables: [{ schema: 'public', name: 'patient', rows: 2, hash: '17' }] }),
  ).toMatchObject([{ sentence: 'Table public.patient has 2 rows instead of 3.' }])
})

test('a class too long to list is told by its name', () => {
  const long = (hash: string): Fingerprint => ({ ...one, schema: { indexes: { count: 50_000, hash } } })
  expect(compareFingerprints(long('a'), long('b'))).toMatchObject([{ area: 'indexes', object: 'indexes' }])
})
