import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'

/** A database small enough to be drilled in two seconds, with a key, a foreign key, an index and a few thousand rows. */
export async function makeRecords(pg: TestPostgres, database = 'records'): Promise<string> {
  const name = `"${database}"`
  if (database !== 'postgres') await pg.query('postgres', `create database ${name}`)
  await pg.query(
    database,
    `create table patient (id int primary key, name text not null unique);
     create table observation (id bigserial primary key, patient int not null references patient, value numeric, note text);
     insert into patient select i, 'Patient ' || i from generate_series(1, 500) i;
     insert into observation (patient, value, note) select 1 + i % 500, i * 1.5, md5(i::text) || md5((i * 7)::text) from generate_series(1, 8000) i;
     create index observation_note on observation (note)`,
  )
  return database
}
