import { compareFingerprints } from '@lifeboat/postgres/fingerprint/compare.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { installHardDatabase } from '@lifeboat/testkit/hard-database/install.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { copyWithStockTools, fingerprintOf } from './stock-copy.ts'

const slow = orNotRun(process.env.SLOW === '1', 'one value of 300 MB', 'a minute (`pnpm test:slow`)')

test.runIf(slow)('one value of 300 MB comes back from a dump as it was', { timeout: 1_800_000 }, async () => {
  await using source = await startPostgres()
  await using target = await startPostgres()
  const database = await installHardDatabase(source, { toast: true })
  const expected = await fingerprintOf(source, database)
  expect(expected.tables.find(({ name }) => name === 'huge')).toMatchObject({ rows: 1, hash: expect.any(String) })
  await copyWithStockTools(source, target, database)
  expect(compareFingerprints(expected, await fingerprintOf(target, database))).toEqual([])
  // The comparison would see a single letter of it.
  await target.query(database, `update clinic.huge set body = overlay(body placing 'x' from 200000000 for 1)`)
  const [difference, ...more] = compareFingerprints(expected, await fingerprintOf(target, database))
  expect(difference).toMatchObject({ area: 'table contents', object: 'clinic.huge' })
  expect(more).toEqual([])
})
