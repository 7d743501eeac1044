import type { TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { MERGE, REPLACE, type ServedTablesHouse, serveTablesHouse } from './tables-restore-house.ts'

let clinic: ServedTablesHouse
beforeAll(async () => {
  clinic = await serveTablesHouse()
})
afterAll(() => clinic?.[Symbol.asyncDispose]())
beforeEach(() => clinic.reset())

/** Makes these tables, backs them up, and tells how to restore them. */
async function backedUp(list: string[], sql: string) {
  await clinic.query(sql)
  const { backupId } = await clinic.seal({ list })
  const tables = list.map((title) => {
    const [schema, name] = title.split('.')
    return { schema, name }
  })
  return (into: TablesInto) => clinic.obeyed({ kind: 'tables', tables, into, backupId })
}

test('of a table others inherit from its own rows alone come and go', async () => {
  const restore = await backedUp(
    ['clinic.animal'],
    `create table clinic.animal (id int primary key, name text); create table clinic.dog () inherits (clinic.animal);
     insert into clinic.animal values (1, 'a'), (2, 'b'); insert into clinic.dog values (1, 'dog'), (7, 'other')`,
  )
  const dogs = await clinic.contents('clinic.dog')
  await clinic.query(`delete from only clinic.animal where id = 2; update only clinic.animal set name = 'x'`)
  for (const into of [MERGE, REPLACE]) {
    const now = { rows: into === MERGE ? 1 : 2, onlyNow: 0 }
    expect(await restore(into)).toMatchObject({ outcome: 'done', diffs: [{ rows: 2, now }] })
    expect(await clinic.query('select name from only clinic.animal order by id')).toEqual([
      { name: 'a' },
      { name: 'b' },
    ])
    expect(await clinic.contents('clinic.dog')).toBe(dogs)
  }
})

test('a rule that was never validated is asked of nobody', async () => {
  await clinic.query(`alter table clinic.visit drop constraint visit_ward_fkey; delete from clinic.ward where id = 3; delete from clinic.visit;
    alter table clinic.visit add constraint visit_ward_fkey foreign key (ward) references clinic.ward not valid`)
  const { restoreId } = await clinic.at.command(clinic.cfg, clinic.wish('visit', REPLACE))
  expect(await clinic.at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
})

test('a rule that wants all of a key or nothing is asked of rows with half of one, and another rule is not', async () => {
  const restore = await backedUp(
    ['clinic.half'],
    `create table clinic.pair (a int, b int, primary key (a, b)); create table clinic.half (id int primary key, a int, b int);
     insert into clinic.half values (1, 1, null)`,
  )
  const rule = 'alter table clinic.half add constraint whole foreign key (a, b) references clinic.pair'
  await clinic.query(`delete from clinic.half; ${rule} match full`)
  expect(await restore(REPLACE)).toMatchObject({
    outcome: 'failed',
    error: {
      code: 'RESTORE_RULE_BROKEN',
      facts: { broken: ['whole: 1 row of clinic.half would refer to nothing in clinic.pair'] },
    },
  })
  await clinic.query(`alter table clinic.half drop constraint whole; ${rule}`)
  expect(await restore(REPLACE)).toMatchObject({ outcome: 'done' })
})

test('columns a key only carries along tell no rows apart', async () => {
  const restore = await backedUp(
    ['clinic.carried'],
    `create table clinic.carried (id int, name text, primary key (id) include (name)); insert into clinic.carried values (1, 'a')`,
  )
  await clinic.query(`update clinic.carried set name = 'x'`)
  expect(await restore(MERGE)).toMatchObject({ outcome: 'done', diffs: [{ now: { different: 1, onlyNow: 0 } }] })
  expect(await clinic.query('select * from clinic.carried')).toEqual([{ id: 1, name: 'a' }])
})

test('a sequence that counts down goes further down and never up, and a number that was given out is not given out again', async () => {
  const restore = await backedUp(
    ['clinic.down'],
    `create sequence clinic.down_id increment by -1; create table clinic.down (id int primary key default nextval('clinic.down_id'), n serial);
     alter sequence clinic.down_id owned by clinic.down.id; insert into clinic.down select from generate_series(1, 50)`,
  )
  const next = () => clinic.query(`select nextval('clinic.down_id')::int as id, nextval('clinic.down_n_seq')::int as n`)
  await clinic.query(`select setval('clinic.down_id', -10), setval('clinic.down_n_seq', 50, false)`)
  expect(await restore(REPLACE)).toMatchObject({ outcome: 'done' })
  expect(await next()).toEqual([{ id: -51, n: 51 }])
  await clinic.query(`select setval('clinic.down_id', -90), setval('clinic.down_n_seq', 90)`)
  expect(await restore(REPLACE)).toMatchObject({ outcome: 'done' })
  expect(await next()).toEqual([{ id: -91, n: 91 }])
})

test('tables of one name in two schemas get their own rows, and values that name objects come back as such', async () => {
  const restore = await backedUp(
    ['clinic.note', 'look_2.note'],
    `create schema look_2; create table look_2.note (id int primary key, of regclass, kind regtype); insert into look_2.note values (1, 'clinic.visit', 'clinic.mood')`,
  )
  const was = await Promise.all(['clinic.note', 'look_2.note'].map(clinic.contents))
  await clinic.query(`delete from clinic.note; update look_2.note set of = 'clinic.ward', kind = 'text'`)
  expect(await restore(REPLACE)).toMatchObject({ outcome: 'done', rows: 41 })
  expect(await Promise.all(['clinic.note', 'look_2.note'].map(clinic.contents))).toEqual(was)
})

test('rows that are kept belong to the owner of their table', async () => {
  const restore = await backedUp(['clinic.note'], 'alter table clinic.note owner to backup')
  const { aside } = (await restore(REPLACE)) ?? {}
  expect(
    await clinic.query(`select pg_get_userbyid(relowner) as owner from pg_class where oid = '${aside}'::regclass`),
  ).toEqual([{ owner: 'backup' }])
})
