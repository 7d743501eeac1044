import { chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Relations } from '@lifeboat/shared/domain/relations.ts'
import { serverOwner } from '@lifeboat/testkit/postgres.ts'
import type { SealedBase } from '@lifeboat/testkit/seal-base.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Clinic, openClinic, type Read } from './hollow-clinic.ts'

const TABLES = `
  create table visit (no serial primary key, note text);
  insert into visit (note) select string_agg(md5((g * h)::text), '') from generate_series(1, 100) g, generate_series(1, 300) h group by g;
  create table busy (no int primary key, note text);
  create index on busy (note);
  create index on busy using gin (to_tsvector('simple', note));
  insert into busy select g, md5(g::text) from generate_series(1, 40000) g;
  create table fresh (no int, note text);
  insert into fresh select g, md5(g::text) from generate_series(1, 40000) g;
  create table log (year int, no int) partition by list (year);
  create table log_2025 partition of log for values in (2025);
  create table log_2026 partition of log for values in (2026) partition by range (no);
  create table log_2026_all partition of log_2026 for values from (0) to (5000);
  insert into log select 2025 + g % 2, g from generate_series(1, 1000) g;
  create table plan (year int, no int) partition by range (no);
  create table plan_low partition of plan for values from (0) to (500);
  create table plan_rest partition of plan for values from (500) to (5000) partition by range (no);
  create table plan_high partition of plan_rest for values from (500) to (5000);
  insert into plan select 2026, g from generate_series(1, 1000) g;
  create table spare (year int, no int);
  insert into spare select 2027, g from generate_series(1, 100) g;
  create table tall (like log);
  create table tall_child () inherits (tall);
  insert into tall_child select 1, g from generate_series(1, 77) g;
  create table one as select g from generate_series(1, 11) g;
  create table two as select g from generate_series(1, 22) g;
  create table repacked as select g from generate_series(1, 3000) g;
  create table emptied as select g from generate_series(1, 4000) g;
  create table anew as select g from generate_series(1, 5000) g;
  create table far (no int primary key, note text) tablespace fast;
  insert into far select g, md5(g::text) from generate_series(1, 999) g;
  create table farther (no int, note text) tablespace fast;
  insert into farther select g, md5(g::text) from generate_series(1, 20000) g`
const BETWEEN = `
  vacuum full repacked;
  create table late as select g from generate_series(1, 33) g`
const LATER = `
  update busy set note = md5(note) where no % 3 = 0;
  delete from busy where no > 39000;
  vacuum busy;
  vacuum fresh;
  insert into fresh select g, 'later' from generate_series(1, 10000) g;
  delete from farther where no > 10;
  vacuum farther;
  update visit set note = note || 'later' where no < 10;
  insert into visit (note) values ('the last');
  truncate emptied;
  insert into emptied select g from generate_series(1, 44) g;
  drop table anew;
  create table anew as select g from generate_series(1, 55) g;
  insert into plan values (2027, 1001);
  alter table one rename to passing;
  alter table two rename to one;
  alter table passing rename to two;
  alter table log attach partition spare for values in (2027);
  checkpoint;
  update busy set note = 'behind a checkpoint' where no % 100 = 0`

let clinic: Clinic
let base: SealedBase
let expected: Read
beforeAll(async () => {
  clinic = await openClinic()
  const { pg } = clinic
  const space = join(pg.socketDir, 'space')
  mkdirSync(space)
  const { uid, gid } = serverOwner()
  chownSync(space, uid, gid)
  await clinic.sql(`create tablespace fast location '${space}'`)
  await clinic.sql('create database second')
  await each(TABLES)
  await clinic.sql('create table ward as select g from generate_series(1, 66) g', 'second')
  base = await clinic.seal({ between: () => each(BETWEEN) })
  await each(LATER)
  expected = await clinic.read(
    ['visit', 'repacked', 'emptied', 'anew', 'far', 'tall', 'plan', 'one', 'log', 'late'],
    [base],
    {
      whole: true,
    },
  )
})
afterAll(() => clinic?.[Symbol.asyncDispose]())

/** A vacuum is alone in what it is sent with. */
async function each(statements: string): Promise<void> {
  for (const sql of statements.split(';')) await clinic.sql(sql)
}

const rowsOf = ({ tables }: Read, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, tables[name]]))

test('all of a backup without a list is extracted, as ever', () => {
  const { bytes, ofBytes, whole } = expected.extent
  expect({ bytes, whole }).toEqual({ bytes: ofBytes, whole: 'the backup has no list of relations' })
  expect(Object.values(expected.tables).map(({ rows }) => rows)).toEqual([
    101, 3000, 44, 55, 999, 0, 1001, 22, 1100, 33,
  ])
})

test('tables come out without the pages of others, however much was written to either since', async () => {
  const names = ['visit', 'repacked', 'emptied', 'anew', 'far', 'tall', 'plan']
  const { tables, extent } = await clinic.read(names, [base])
  expect(tables).toEqual(rowsOf(expected, names))
  expect(extent.whole).toBeUndefined()
  expect(extent.ofBytes).toBe(expected.extent.ofBytes)
  expect(extent.ofBytes - extent.bytes).toBeGreaterThan(12e6)
})

test('a table that had the name of another one comes out whole, and not empty', async () => {
  const { tables, extent } = await clinic.read(['one'], [base])
  expect(tables).toEqual(rowsOf(expected, ['one']))
  expect(extent).toMatchObject({ bytes: extent.ofBytes, whole: 'files of public.one belonged to other tables before' })
})

test('a partition that came from elsewhere comes out with the others', async () => {
  const { tables, extent } = await clinic.read(['log'], [base])
  expect(tables).toEqual(rowsOf(expected, ['log']))
  expect(extent.whole).toBe('files of public.spare belonged to other tables before')
})

test('for a table that was made when the list was written already all is extracted at once', async () => {
  const { tables, extent } = await clinic.read(['late'], [base])
  expect(tables).toEqual(rowsOf(expected, ['late']))
  expect(extent.whole).toBe('table public.late is not in its list of relations')
})

test('a database that was made anew under its name is not taken for the one in the list', async () => {
  await clinic.sql('drop database second')
  await clinic.sql('create database second')
  await clinic.sql('create table ward as select g from generate_series(1, 7) g', 'second')
  const { tables, extent } = await clinic.read(['ward'], [base], { database: 'second' })
  expect(tables.ward?.rows).toBe(7)
  expect(extent.whole).toBe('the database is another one than that of the list of relations')
})

test('a table that had the name of another one comes out whole also where its database was moved since', async () => {
  await clinic.sql('create database moved')
  await clinic.sql('create table one as select g from generate_series(1, 11) g', 'moved')
  await clinic.sql('create table two as select g from generate_series(1, 22) g', 'moved')
  const sealed = await clinic.seal()
  await clinic.sql('alter database moved set tablespace fast')
  await clinic.sql('alter table one rename to passing', 'moved')
  await clinic.sql('alter table two rename to one', 'moved')
  const { tables, extent } = await clinic.read(['one'], [sealed], { database: 'moved' })
  expect([tables.one?.rows, extent.whole]).toEqual([22, expect.stringContaining('belonged to other tables before')])
})

test('a server that cannot recover without a page gets all of them', async () => {
  await using other = await openClinic()
  await other.sql('create table visit as select g from generate_series(1, 500) g')
  await other.sql('create table fresh as select g, md5(g::text) from generate_series(1, 20000) g')
  const sealed = await other.seal({
    spoil: (name, contents) =>
      name.startsWith('relations')
        ? Buffer.from(contents.toString().replace('"hints":false', '"hints":true'))
        : contents,
  })
  await other.sql('vacuum fresh')
  const { tables, extent } = await other.read(['visit'], [sealed])
  expect(tables.visit?.rows).toBe(500)
  expect(extent.whole).toBe('WAL contains references to invalid pages')
})

test('where pages carry checksums, not even their heads are needed; and a list that cannot be read is none', async () => {
  await using other = await openClinic({ dataChecksums: true })
  await other.sql('create table visit as select g from generate_series(1, 500) g')
  await other.sql('create table fresh as select g, md5(g::text) from generate_series(1, 20000) g')
  const [good, bad] = [
    await other.seal(),
    await other.seal({ spoil: (name, contents) => (name.startsWith('relations') ? Buffer.from('{}') : contents) }),
  ]
  await other.sql('vacuum fresh')
  const { tables, extent } = await other.read(['visit'], [good])
  expect(tables.visit?.rows).toBe(500)
  expect(extent.whole).toBeUndefined()
  const all = await other.read(['visit'], [bad])
  expect(all.tables).toEqual(tables)
  expect(all.extent.whole).toContain('its list of relations cannot be read')
})

/** Takes the files of a kind away from one table and gives them to another. */
function misplaced(kind: 'heaps' | 'indexes', contents: Buffer): Buffer {
  const list = Relations.parse(JSON.parse(contents.toString()))
  const tables = list.databases.flatMap((database) => database.tables)
  const [visit, busy] = ['visit', 'busy'].map((name) => tables.find((table) => table.name === name))
  // Of heaps the table keeps its rows, and loses what lies out of line.
  const [kept, given] = kind === 'heaps' ? [visit?.heaps.slice(0, 1), visit?.heaps.slice(1)] : [[], visit?.indexes]
  busy?.[kind].push(...(given ?? []))
  if (visit) visit[kind] = kept ?? []
  return Buffer.from(JSON.stringify(list))
}

test.each(['heaps', 'indexes'] as const)(
  'a list that is wrong about the %s of a table is not believed',
  async (kind) => {
    await using other = await openClinic()
    await other.sql('create table visit (no int primary key, note text)')
    await other.sql('create table busy (no int)')
    await other.sql(
      "insert into visit select g, string_agg(md5((g * h)::text), '') from generate_series(1, 50) g, generate_series(1, 300) h group by g",
    )
    const sealed = await other.seal({
      spoil: (name, contents) => (name.startsWith('relations') ? misplaced(kind, contents) : contents),
    })
    const { tables, extent } = await other.read(['visit'], [sealed])
    expect(tables).toEqual((await other.read(['visit'], [sealed], { whole: true })).tables)
    expect(extent.whole).toMatch(kind === 'heaps' ? /^files of pg_toast/ : /^files of .*visit_pkey/)
  },
)

test.each([
  ['visit_no_seq', 'from which a table takes its numbers'],
  ['pg_description', 'in which others read of a table'],
])('a list that gives away the file of %s, %s, is not believed', async (relation) => {
  await using other = await openClinic()
  await other.sql('create table visit (no serial primary key, note text)')
  await other.sql('insert into visit (note) select md5(g::text) from generate_series(1, 50) g')
  await other.sql('create table busy (no int)')
  const [found] = await other.sql(`select pg_relation_filenode('${relation}')::text as file`)
  const sealed = await other.seal({
    spoil: (name, contents) => (name.startsWith('relations') ? givenAway(`1663/${found?.file}`, contents) : contents),
  })
  const { tables, extent } = await other.read(['visit'], [sealed])
  expect([tables.visit?.rows, extent.whole]).toEqual([50, expect.stringMatching(`^files of .*${relation} belonged`)])
})

/** Says of a file that it is one of `busy`. */
function givenAway(file: string, contents: Buffer): Buffer {
  const list = Relations.parse(JSON.parse(contents.toString()))
  const busy = list.databases.flatMap(({ tables }) => tables).find(({ name }) => name === 'busy')
  busy?.heaps.push(file)
  return Buffer.from(JSON.stringify(list))
}

test('nothing is left hollow of a cluster that is kept, whatever is named', async () => {
  const [file] = await clinic.sql(
    "select '1663/' || d.oid || '/' || pg_relation_filenode('fresh') as name from pg_database d where datname = 'postgres'",
  )
  const files = new Map([[file?.name as string, 'heap' as const]])
  expect(await clinic.keep(base, { files, heads: false })).toMatchObject({ hollowBytes: 0 })
})
