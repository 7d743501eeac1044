import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { installedMajors } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { openClinic } from './hollow-clinic.ts'

const major = installedMajors()[0] ?? 0
const isAble = orNotRun(
  major >= 17,
  'tables out of chains of incremental backups',
  'PostgreSQL 17 (`pnpm test:postgres 17`)',
)

const TABLES = `
  create table visit (no int primary key, note text);
  insert into visit select g, string_agg(md5((g * h)::text), '') from generate_series(1, 100) g, generate_series(1, 300) h group by g;
  create table busy (no int primary key, note text);
  insert into busy select g, md5(g::text) from generate_series(1, 40000) g;
  create table fresh (no int, note text);
  insert into fresh select g, md5(g::text) from generate_series(1, 40000) g;
  create table one as select g from generate_series(1, 11) g;
  create table two as select g from generate_series(1, 22) g;
  create table repacked as select g from generate_series(1, 3000) g`
/** A relation file is made, grows, shrinks, and is gone before the next link of the chain. */
const changes = (round: number) => [
  `update visit set note = note || '${round}' where no % 10 = ${round}`,
  `update busy set note = md5(note) where no % 7 = ${round}`,
  `delete from busy where no > ${40_000 - round * 9000}`,
  'vacuum busy',
  'vacuum fresh',
  `insert into fresh select g, 'later' from generate_series(1, 9000) g`,
  'vacuum full repacked',
  `create table made_${round} as select g from generate_series(1, 5000) g`,
  `drop table if exists made_${round - 1}`,
]

test.runIf(isAble).each([false, true])(
  'tables come out of a chain without the pages of others, with checksums: %s',
  async (dataChecksums) => {
    await using clinic = await openClinic({ dataChecksums, settings: { summarize_wal: 'on' } })
    await clinic.sql(TABLES)
    const chain = [await clinic.seal()]
    for (const round of [1, 2]) {
      for (const sql of changes(round)) await clinic.sql(sql)
      chain.push(await clinic.seal({ parent: chain.at(-1) as (typeof chain)[number] }))
    }
    for (const sql of changes(3)) await clinic.sql(sql)
    const names = ['visit', 'repacked', 'made_3']
    const expected = await clinic.read([...names, 'one'], chain, { whole: true })
    expect(Object.values(expected.tables).map(({ rows }) => rows)).toEqual([100, 3000, 5000, 11])
    const { tables, extent } = await clinic.read(['visit', 'repacked'], chain)
    expect(tables).toEqual({ visit: expected.tables.visit, repacked: expected.tables.repacked })
    expect(extent.whole).toBeUndefined()
    expect(extent.ofBytes - extent.bytes).toBeGreaterThan(5e6)
    await clinic.sql('alter table one rename to passing')
    await clinic.sql('alter table two rename to one')
    const renamed = await clinic.read(['one'], chain)
    expect(renamed.tables.one?.rows).toBe(22)
    expect(renamed.extent.whole).toBe('files of public.one belonged to other tables before')
  },
)
