import type { TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BESIDE, type ServedTablesHouse, serveTablesHouse } from './tables-restore-house.ts'

let clinic: ServedTablesHouse
let backupId: string
beforeAll(async () => {
  clinic = await serveTablesHouse()
  backupId = (await clinic.dump()).backupId
})
afterAll(() => clinic?.[Symbol.asyncDispose]())
beforeEach(() => clinic.reset())

async function obeyed(names: string, into: TablesInto, more = {}) {
  const settled = await clinic.obeyed(clinic.wish(names, into, { backupId, ...more }))
  // Neither the scratch database nor what was loaded stays, however it ended.
  expect(await clinic.at.besides()).toEqual([])
  expect((await clinic.left()).filter((name) => name.startsWith('lifeboat'))).toEqual([])
  return settled
}

test('out of a dump the named tables alone come back: with partitions, sequences and rules between them', async () => {
  const tables = ['clinic.ward', 'clinic.visit', 'clinic.result', 'clinic.note']
  const was = await Promise.all(tables.map(clinic.contents))
  await clinic.query(
    `delete from clinic.ward; delete from clinic.result where id < 50; truncate clinic.note; select setval('clinic.visit_id_seq', 1)`,
  )
  expect(await obeyed('visit result ward', { how: 'replace' })).toMatchObject({
    ...{ outcome: 'done', tables: 3, rows: 363 },
    diffs: [
      { table: 'clinic.visit', rows: 300, now: { rows: 0 } },
      { now: { onlyInBackup: 49 } },
      { now: { rows: 0 } },
    ],
  })
  expect(await Promise.all(tables.slice(0, 3).map(clinic.contents))).toEqual(was.slice(0, 3))
  expect(
    await clinic.query(
      `select nextval('clinic.visit_id_seq')::int as next, (select count(*)::int from clinic.note) as notes`,
    ),
  ).toEqual([{ next: 301, notes: 0 }])
})

test('an extension that cannot be made here stands only in the way of tables that need it', async () => {
  const tables = ['clinic.visit', 'clinic.result']
  const was = await Promise.all(tables.map(clinic.contents))
  await clinic.query('create extension pgrowlocks; create extension citext; create table clinic.odd (word citext)')
  // Of the same length, for the archive says how long each text is.
  const spoiled = (name: string) => (role: string, contents: Buffer) =>
    role === 'database'
      ? Buffer.from(contents.toString('latin1').replaceAll(name, `${name.slice(0, -1)}z`), 'latin1')
      : contents
  const [unneeded, needed] = [
    await clinic.dump({ spoil: spoiled('pgrowlocks') }),
    await clinic.dump({ spoil: spoiled('EXTENSION IF NOT EXISTS citext') }),
  ]
  await clinic.query(`delete from clinic.visit; delete from clinic.result; select setval('clinic.visit_id_seq', 1)`)
  expect(await obeyed('visit result', { how: 'replace' }, { backupId: unneeded.backupId })).toMatchObject({
    outcome: 'done',
  })
  expect(await Promise.all(tables.map(clinic.contents))).toEqual(was)
  expect(await clinic.query(`select nextval('clinic.visit_id_seq')::int as next`)).toEqual([{ next: 301 }])
  const error = { code: 'DRILL_RESTORE_FAILED', facts: { stderr: expect.stringContaining('citexz') } }
  expect(await obeyed('odd', BESIDE, { backupId: needed.backupId })).toMatchObject({ outcome: 'failed', error })
  await clinic.query('drop extension pgrowlocks; drop table clinic.odd; drop extension citext')
})

test('a table that was dropped can be loaded beside, not put in', async () => {
  await clinic.query('drop table clinic.note')
  expect(await obeyed('note', { how: 'replace' })).toMatchObject({
    outcome: 'failed',
    error: { code: 'RESTORE_TABLE_UNFIT' },
  })
  expect(await obeyed('note', BESIDE)).toMatchObject({ outcome: 'done', diffs: [{ table: 'clinic.note', rows: 40 }] })
  expect(await clinic.query('select count(*)::int as rows from look.note')).toEqual([{ rows: 40 }])
})

test('a table the dump does not hold is refused', async () => {
  await clinic.query('create table clinic.fresh (id int primary key)')
  const error = { code: 'RESTORE_TABLE_ABSENT', facts: { absent: ['clinic.fresh'] } }
  expect(await obeyed('fresh', { how: 'merge' })).toMatchObject({ outcome: 'failed', swapped: false, error })
})

test('a dump that left the rows out does not empty a table', async () => {
  const lying = await clinic.dump({ dumpArgs: ['--exclude-table-data=clinic.note'] })
  const error = { code: 'RECOVERY_UNLIKE', facts: { differences: ['clinic.note has 0 rows instead of 40.'] } }
  expect(await obeyed('note', { how: 'replace' }, { backupId: lying.backupId })).toMatchObject({
    outcome: 'failed',
    swapped: false,
    error,
  })
  expect(await clinic.query('select count(*)::int as rows from clinic.note')).toEqual([{ rows: 40 }])
})
