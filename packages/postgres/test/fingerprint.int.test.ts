import { compareFingerprints, counted } from '@lifeboat/postgres/fingerprint/compare.ts'
import { takeFingerprint } from '@lifeboat/postgres/fingerprint/take-fingerprint.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { installHardDatabase } from '@lifeboat/testkit/hard-database/install.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, copyWithStockTools, fingerprintOf } from './stock-copy.ts'

let source: TestPostgres
let target: TestPostgres
let expected: Fingerprint
const database = 'hard'
/** A deadline for each measurement: the tests of this file together take longer on a busy machine. */
const options = () => ({ hashTablesUpToBytes: 1e12, signal: AbortSignal.timeout(300_000) })

beforeAll(async () => {
  ;[source, target] = await Promise.all([startPostgres(), startPostgres()])
  await installHardDatabase(source, { toast: false, database })
  expected = await fingerprintOf(source, database)
  await copyWithStockTools(source, target, database)
})
afterAll(async () => {
  await Promise.all([source, target].map((server) => server[Symbol.asyncDispose]()))
})

test('the hard database comes back from a dump with the same fingerprint', async () => {
  expect(compareFingerprints(expected, await fingerprintOf(target, database))).toEqual([])
})

test('the stamps that newer minor releases put on columns belong to the cluster, not to the database', async () => {
  const stamp = (version: number, more = '') =>
    source.query(
      'stamped',
      `update pg_attribute set attoptions = '{pg_attver=${version}${more}}' where attrelid = 'plain'::regclass and attnum > 0`,
    )
  await source.query('postgres', 'create database stamped')
  await source.query('stamped', 'create table plain (a int, b text)')
  const before = await fingerprintOf(source, 'stamped')
  await stamp(7)
  expect(compareFingerprints(before, await fingerprintOf(source, 'stamped'))).toEqual([])
  await stamp(7, ',n_distinct=5')
  expect(compareFingerprints(before, await fingerprintOf(source, 'stamped'))).not.toEqual([])
})

/** What somebody, or a bad restore, may do to a database · the area and the object the comparison must name. */
const CHANGES: readonly [change: string, area: string, object: string][] = [
  // contents
  [`delete from clinic.texts where id = 4`, 'table rows', 'clinic.texts'],
  [`insert into clinic.duplicates select 1, 'same'`, 'table rows', 'clinic.duplicates'],
  [`drop table clinic.duplicates`, 'table rows', 'clinic.duplicates'],
  [`create table clinic.new_one ()`, 'table rows', 'clinic.new_one'],
  // Every row thrice becomes some rows twice and others four times: an XOR of hashes would not see it.
  [
    `with gone as (delete from clinic.duplicates where a = 1 returning *) insert into clinic.duplicates select 2, b from gone`,
    'table contents',
    'clinic.duplicates',
  ],
  [`update clinic.numbers set exact = 1.0 where id = 4`, 'table contents', 'clinic.numbers'],
  [`update clinic.numbers set cash = null where id = 3`, 'table contents', 'clinic.numbers'],
  [`update clinic.texts set t = null where id = 1`, 'table contents', 'clinic.texts'],
  [`update clinic.texts set t = '', v = null where id = 1`, 'table contents', 'clinic.texts'],
  [`update clinic.texts set phone = 'MÜLLER', nick = 'müller' where id = 2`, 'table contents', 'clinic.texts'],
  [`update clinic.texts set c = 'AB' where id = 2`, 'table contents', 'clinic.texts'],
  [`update clinic.times set tstz = tstz + '1 us' where id = 5`, 'table contents', 'clinic.times'],
  [`update clinic.times set d = 'infinity' where id = 4`, 'table contents', 'clinic.times'],
  [`update clinic.times set span = '30 days -24:00:00' where id = 4`, 'table contents', 'clinic.times'],
  [`update clinic.binaries set raw = set_byte(raw, 4095, 1) where id = 3`, 'table contents', 'clinic.binaries'],
  [`update clinic.binaries set many = B'10' where id = 3`, 'table contents', 'clinic.binaries'],
  [`update clinic.documents set j = '{"a":2, "b":3}' where id = 1`, 'table contents', 'clinic.documents'],
  [`update clinic.documents set jb = jb - 1 where id = 3`, 'table contents', 'clinic.documents'],
  [`update clinic.documents set x = null where id = 4`, 'table contents', 'clinic.documents'],
  [`update clinic.networks set host = '192.168.0.1/24' where id = 1`, 'table contents', 'clinic.networks'],
  [`update clinic.shapes set p = '(0.1,0)' where id = 1`, 'table contents', 'clinic.shapes'],
  [`update clinic.ranges set i = '[1,9)' where id = 2`, 'table contents', 'clinic.ranges'],
  [`update clinic.arrays set lower = '{7,8,9}' where id = 1`, 'table contents', 'clinic.arrays'],
  [`update clinic.arrays set issues[1].codes[1].display = 'D' where id = 1`, 'table contents', 'clinic.arrays'],
  [`update clinic.composites set odd = 'it''s' where id = 2`, 'table contents', 'clinic.composites'],
  [`update clinic.searchable set v = strip(v) where id = 3`, 'table contents', 'clinic.searchable'],
  [`update clinic.wide_rows set body = body || '{"x": null}' where id = 7`, 'table contents', 'clinic.wide_rows'],
  [`update clinic.device set attributes = attributes || 'a=>NULL' where id = 1`, 'table contents', 'clinic.device'],
  [`delete from clinic.result where id = 700`, 'table rows', 'clinic.result_2025_a'],
  // Two rows exchange one value each: a sum per column would not see it.
  [`update clinic.measure set weight = 101 - weight where id in (1, 2)`, 'table contents', 'clinic.measure'],
  [`alter sequence clinic.tickets restart with 1005`, 'sequences', 'clinic.tickets'],
  [`alter sequence clinic.never_used restart with 11`, 'sequences', 'clinic.never_used'],
  [`select lo_put(70003, 500000, 'x')`, 'large objects', 'large objects'],
  [`select lo_unlink(70001)`, 'large objects', 'large objects'],
  [`select lo_truncate(lo_open(70004, 131072), 1000000)`, 'large objects', 'large objects'],
  // the schema
  [`alter database hard owner to clinic_super`, 'database', 'database'],
  [`comment on database hard is null`, 'database', 'database'],
  [`drop schema "empty schema"`, 'schemas', '"empty schema"'],
  [`grant create on schema clinic to public`, 'schemas', 'clinic'],
  [`drop extension pgcrypto`, 'extensions', 'pgcrypto'],
  [`alter extension pg_trgm set schema public`, 'extensions', 'pg_trgm'],
  [
    `grant execute on function public.gen_salt(text) to public`,
    'extension grants',
    'function public.gen_salt(pg_catalog.text)',
  ],
  [`alter table clinic.result detach partition clinic.result_rest`, 'tables', 'clinic.result_rest'],
  [`alter table clinic.note no inherit clinic.event`, 'tables', 'clinic.note'],
  [`alter table clinic.scratchpad set logged`, 'tables', 'clinic.scratchpad'],
  [`alter table clinic.secret no force row level security`, 'tables', 'clinic.secret'],
  [`alter table clinic.measure reset (toast.autovacuum_enabled)`, 'tables', 'clinic.measure'],
  [`alter table clinic.stored set tablespace pg_default`, 'tables', 'clinic.stored'],
  [`grant select on clinic.closed to clinic_reader`, 'tables', 'clinic.closed'],
  [`alter table clinic.cluster_me replica identity default`, 'tables', 'clinic.cluster_me'],
  [`alter table clinic.doctor alter name drop not null`, 'columns', 'clinic.doctor.name'],
  [`alter table clinic.dropped_columns alter c drop default`, 'columns', 'clinic.dropped_columns.c'],
  [`alter table clinic.texts alter v type varchar(11)`, 'columns', 'clinic.texts.v'],
  [`alter table clinic.measure alter bmi drop expression`, 'columns', 'clinic.measure.bmi'],
  [`alter table clinic.doctor alter id set generated by default`, 'columns', 'clinic.doctor.id'],
  [`alter table clinic.stored alter b set compression default`, 'columns', 'clinic.stored.b'],
  [
    `revoke select ("from") on "Größe & Co."."select" from "Ärztin O'Neill"`,
    'columns',
    '"Größe & Co."."select"."from"',
  ],
  [`alter table clinic.stay drop constraint nobody_twice`, 'constraints', 'nobody_twice on clinic.stay'],
  [
    `delete from clinic.stay where patient > 4; alter table clinic.stay validate constraint few_patients`,
    'constraints',
    'few_patients on clinic.stay',
  ],
  [
    `alter table clinic.doctor alter constraint doctor_heads_ward not deferrable`,
    'constraints',
    'doctor_heads_ward on clinic.doctor',
  ],
  [`drop index clinic.measure_bmi`, 'indexes', 'clinic.measure_bmi'],
  [`alter index clinic.measure_expression alter column 1 set statistics 5`, 'indexes', 'clinic.measure_expression'],
  [`alter sequence clinic.tickets owned by none`, 'sequences', 'clinic.tickets'],
  [`alter sequence clinic.tickets cache 9`, 'sequences', 'clinic.tickets'],
  [`alter view clinic.heavy reset (security_barrier)`, 'views', 'clinic.heavy'],
  [
    `create or replace view clinic.states as select * from clinic.stay where state = 'planned'`,
    'views',
    'clinic.states',
  ],
  [`refresh materialized view clinic.unfilled`, 'materialized views', 'clinic.unfilled'],
  [`alter table clinic.device enable trigger disabled_one`, 'triggers', 'disabled_one on clinic.device'],
  [`drop trigger "Ward changed" on clinic.ward`, 'triggers', '"Ward changed" on clinic.ward'],
  [`drop rule device_list_insert on clinic.device_list`, 'rules', 'device_list_insert on clinic.device_list'],
  [`drop policy own_notes on clinic.secret`, 'policies', 'own_notes on clinic.secret'],
  [`alter policy on_update on clinic.secret using (grade <> 'error')`, 'policies', 'on_update on clinic.secret'],
  [`drop statistics clinic.measure_stats`, 'statistics', 'clinic.measure_stats'],
  [
    `create or replace function clinic.plus_one(i int) returns int language sql immutable strict as 'select i + 2'`,
    'functions',
    'clinic.plus_one(integer)',
  ],
  [`alter function clinic.plus_one(int) volatile`, 'functions', 'clinic.plus_one(integer)'],
  [`revoke execute on function clinic.wards_of(int) from clinic_writer`, 'functions', 'clinic.wards_of(integer)'],
  [`drop function clinic.add_all(int[])`, 'sql-body functions', 'clinic.add_all(integer[])'],
  [`drop aggregate clinic.longest(text)`, 'aggregates', 'clinic.longest(text)'],
  [`alter type clinic."Odd Enum" rename value '' to ' '`, 'types', 'clinic."Odd Enum"'],
  [`alter domain clinic.small_positive drop constraint below_hundred`, 'types', 'clinic.small_positive'],
  [`alter type clinic.issue add attribute extra int cascade`, 'types', 'clinic.issue'],
  [`drop operator clinic.=== (clinic.coding, clinic.coding)`, 'operators', 'clinic.===(clinic.coding,clinic.coding)'],
  [
    `alter operator class clinic.int_reversed using btree owner to clinic_owner`,
    'operator classes',
    'clinic.int_reversed USING btree',
  ],
  [
    `alter operator family clinic.reverse_ops using btree add operator 1 > (int, bigint)`,
    'operator families',
    'clinic.reverse_ops USING btree',
  ],
  [`drop cast (clinic.severity as int)`, 'casts', 'clinic.severity as integer'],
  [`drop conversion clinic.latin`, 'conversions', 'clinic.latin'],
  [`alter collation clinic.plain owner to clinic_owner`, 'collations', 'clinic.plain'],
  [
    `alter text search configuration clinic.notes drop mapping for asciiword`,
    'text search',
    'text search configuration clinic.notes',
  ],
  [`alter language plpgsql_twin owner to clinic_super`, 'languages', 'plpgsql_twin'],
  [`alter server far_away options (set host 'example.com')`, 'foreign servers', 'server far_away'],
  [`drop user mapping for clinic_reader server far_away`, 'foreign servers', 'mapping of clinic_reader at far_away'],
  [`alter foreign table clinic.far options (drop "table")`, 'tables', 'clinic.far'],
  [`alter event trigger clinic_disabled enable`, 'event triggers', 'clinic_disabled'],
  [`alter publication some_rows drop table clinic.numbers`, 'publications', 'some_rows'],
  [`alter publication whole_schema drop tables in schema "Größe & Co."`, 'publications', 'whole_schema'],
  [`alter subscription dormant set publication far_away with (refresh = false)`, 'subscriptions', 'dormant'],
  [
    `alter default privileges for role clinic_owner grant execute on functions to public`,
    'default privileges',
    'clinic_owner in any schema for f',
  ],
  [`comment on column clinic.measure.bmi is null`, 'comments', 'table column clinic.measure.bmi'],
  [`comment on schema public is 'somebody''s'`, 'comments', 'schema public'],
  [`alter large object 70002 owner to clinic_owner`, 'large objects', '70002'],
  [`alter tablespace hard_space reset (seq_page_cost)`, 'tablespaces', 'hard_space'],
  // the cluster
  [`alter role replicator noreplication`, 'roles', 'replicator'],
  [`alter role "Ärztin O'Neill" valid until 'infinity'`, 'roles', `"Ärztin O'Neill"`],
  [`alter role replicator password 'another'`, 'role passwords', 'replicator'],
  [`revoke clinic_reader from clinic_writer`, 'memberships', 'clinic_writer in clinic_reader'],
  [`alter database hard reset "clinic.motto"`, 'settings', `|hard|clinic.motto=prä'zise`],
  [`alter role clinic_reader set statement_timeout = '31s'`, 'settings', 'clinic_reader||statement_timeout=30s'],
]

test.each(CHANGES)('after %s the comparison names it', async (change, area, object) => {
  const client = await connect(target, database)
  try {
    await client.query('begin')
    await client.query(change)
    const actual = await takeFingerprint(client, options())
    const found = counted(compareFingerprints(expected, actual)).map(
      (difference) => `${difference.area}: ${difference.object}`,
    )
    expect(found).toContain(`${area}: ${object}`)
  } finally {
    await client.end()
  }
})

test('a role that may read everything measures the same data, and not the password hashes', async () => {
  await source.query('postgres', `create role backup login in role pg_read_all_data bypassrls`)
  const client = await connect(source, database, 'backup')
  await client.query('begin isolation level repeatable read read only')
  const taken = await takeFingerprint(client, options()).catch((err: unknown) => err)
  await client.end()
  // Large objects have owners of their own, and pg_read_all_data does not reach them.
  expect(taken).toMatchObject({ code: 'SOURCE_RIGHTS_MISSING' })
  await source.query(database, `select lo_unlink(oid) from pg_largeobject_metadata`)
  const again = await connect(source, database, 'backup')
  await again.query('begin isolation level repeatable read read only')
  const fingerprint = await takeFingerprint(again, options())
  await again.end()
  expect(fingerprint.tables).toEqual(expected.tables)
  expect(fingerprint.schema).not.toHaveProperty('role passwords')
})

test('a role whose rows a policy would hide is refused instead of counting fewer', async () => {
  await source.query('postgres', `create role half_blind login in role pg_read_all_data`)
  const client = await connect(source, database, 'half_blind')
  await client.query('begin isolation level repeatable read read only')
  await expect(takeFingerprint(client, options())).rejects.toMatchObject({
    code: 'SOURCE_RIGHTS_MISSING',
    facts: { message: expect.stringContaining('row-level security') },
  })
  await client.end()
})

test('tables above the limit are counted and not hashed', async () => {
  const client = await connect(target, database)
  await client.query('begin isolation level repeatable read read only')
  const fingerprint = await takeFingerprint(client, { ...options(), hashTablesUpToBytes: 100_000 })
  await client.end()
  const [wide, small] = ['wide_rows', 'ward'].map((name) => fingerprint.tables.find((table) => table.name === name))
  expect(wide).toEqual({ schema: 'clinic', name: 'wide_rows', rows: 40 })
  expect(small?.hash).toBeDefined()
  expect(counted(compareFingerprints(expected, fingerprint))).toEqual([])
})

test('several connections on one snapshot measure the same, whatever is written meanwhile', async () => {
  const [first, ...helpers] = await Promise.all([
    connect(target, database),
    connect(target, database),
    connect(target, database),
  ])
  await first.query('begin isolation level repeatable read read only')
  const { rows } = await first.query<{ id: string }>('select pg_export_snapshot() as id')
  for (const helper of helpers) {
    await helper.query('begin isolation level repeatable read read only')
    await helper.query(`set transaction snapshot '${rows[0]?.id}'`)
  }
  await target.query(database, `insert into clinic.duplicates select 9, 'late' from generate_series(1, 5)`)
  const fingerprint = await takeFingerprint(first, { ...options(), helpers })
  await Promise.all([first, ...helpers].map((client) => client.end()))
  expect(fingerprint.tables).toEqual(expected.tables)
})

test('an abort ends the wait for a locked table at once, with its reason', async () => {
  await target.query(database, `create table public.locked ()`)
  const [holder, client] = await Promise.all([connect(target, database), connect(target, database)])
  await holder.query('begin; lock table public.locked')
  await client.query('begin isolation level repeatable read read only')
  const reason = new LifeboatError('RUN_CANCELLED')
  const stop = new AbortController()
  setTimeout(() => stop.abort(reason), 100)
  await expect(takeFingerprint(client, { hashTablesUpToBytes: 1e12, signal: stop.signal })).rejects.toBe(reason)
  await Promise.all([holder.end(), client.end()])
})
