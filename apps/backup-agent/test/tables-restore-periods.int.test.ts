import type { TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { installedMajors } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MERGE, REPLACE, type ServedTablesHouse, serveTablesHouse } from './tables-restore-house.ts'

/** Prices of two items by month, and sales that have to lie within. */
const CONTENTS = `
  create extension if not exists btree_gist;
  create table clinic.price (item int, during daterange, cost int, primary key (item, during without overlaps));
  create table clinic.sale (id int primary key, item int, during daterange, foreign key (item, period during) references clinic.price (item, period during));
  insert into clinic.price values (1, '[2026-01-01,2026-02-01)', 10), (1, '[2026-02-01,2026-03-01)', 11), (2, '[2026-01-01,2026-03-01)', 20);
  insert into clinic.sale values (1, 1, '[2026-01-20,2026-02-10)'), (2, 2, '[2026-01-05,2026-01-06)')`

const major = installedMajors()[0] ?? 0
const isAble = orNotRun(major >= 18, 'tables with keys of periods', 'PostgreSQL 18 (`pnpm test:postgres 18`)')

describe.runIf(isAble)('from PostgreSQL 18 on, tables with keys of periods:', () => {
  let clinic: ServedTablesHouse
  let backupId: string
  beforeAll(async () => {
    clinic = await serveTablesHouse()
    await clinic.query(CONTENTS)
    backupId = (await clinic.seal({ list: ['clinic.price', 'clinic.sale'] })).backupId
  })
  afterAll(() => clinic?.[Symbol.asyncDispose]())
  beforeEach(async () => {
    await clinic.reset()
    await clinic.query(CONTENTS)
  })

  const obeyed = (names: string, into: TablesInto) => clinic.obeyed(clinic.wish(names, into, { backupId }))

  test('merged, rows are the same by the very period, and what came since stays', async () => {
    await clinic.query(`delete from clinic.sale; delete from clinic.price where item = 2; update clinic.price set cost = 99 where cost = 11;
      insert into clinic.price values (1, '[2026-03-01,2026-04-01)', 12)`)
    expect(await obeyed('price', MERGE)).toMatchObject({
      outcome: 'done',
      diffs: [{ table: 'clinic.price', rows: 3, now: { rows: 3, onlyInBackup: 1, onlyNow: 1, different: 1 } }],
    })
    expect(
      await clinic.query(`select string_agg(cost::text, ' ' order by item, during) as costs from clinic.price`),
    ).toEqual([{ costs: '10 11 12 20' }])
  })

  test('a period over one that is there now is refused, and nothing is changed', async () => {
    await clinic.query(
      `delete from clinic.sale; update clinic.price set during = '[2026-01-15,2026-02-01)' where cost = 10`,
    )
    const was = await clinic.contents('clinic.price')
    expect(await obeyed('price', MERGE)).toMatchObject({
      outcome: 'failed',
      error: { code: 'RESTORE_RULE_BROKEN', facts: { broken: [expect.stringContaining('price_pkey')] } },
    })
    expect([await clinic.contents('clinic.price'), await clinic.left()]).toEqual([was, []])
    expect(await obeyed('price', REPLACE)).toMatchObject({ outcome: 'done' })
  })

  test('what a rule of periods refers to is asked of all periods together, in both directions', async () => {
    const was = await Promise.all(['clinic.price', 'clinic.sale'].map(clinic.contents))
    await clinic.query('delete from clinic.sale; delete from clinic.price')
    expect(await obeyed('sale price', REPLACE)).toMatchObject({ outcome: 'done' })
    expect(await Promise.all(['clinic.price', 'clinic.sale'].map(clinic.contents))).toEqual(was)

    await clinic.query('delete from clinic.sale where id = 1; delete from clinic.price where cost = 11')
    const broken = ['sale_item_during_fkey: 1 row of clinic.sale would refer to nothing in clinic.price']
    expect(await obeyed('sale', REPLACE)).toMatchObject({ error: { code: 'RESTORE_RULE_BROKEN', facts: { broken } } })
    await clinic.query(`insert into clinic.price values (1, '[2026-02-01,2026-04-01)', 11);
      insert into clinic.sale values (3, 1, '[2026-03-01,2026-03-02)')`)
    expect(await obeyed('price', REPLACE)).toMatchObject({ error: { code: 'RESTORE_RULE_BROKEN', facts: { broken } } })
  })
})
