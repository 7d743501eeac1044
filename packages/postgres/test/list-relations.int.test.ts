import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { listRelations } from '@lifeboat/postgres/list-relations.ts'
import { type ListedTable, Relations } from '@lifeboat/shared/domain/relations.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'

let pg: TestPostgres
beforeAll(async () => {
  pg = await startPostgres()
  await pg.query('postgres', 'create database clinic')
})
afterAll(() => pg?.[Symbol.asyncDispose]())

async function listed(more: { budgetMs?: number; longestBytes?: number } = {}) {
  const connection = {
    host: pg.socketDir,
    port: pg.port,
    database: 'clinic',
    user: 'postgres',
    sslmode: 'disable',
  } as const
  const opts = { applicationName: 'test', signal: AbortSignal.timeout(300_000), ...more }
  const { text, left } = await listRelations(connection, opts)
  const { databases } = Relations.parse(JSON.parse(text))
  return { databases, left, tables: databases.find(({ name }) => name === 'clinic')?.tables ?? [] }
}

/** As the server itself finds them, relative to its data directory. */
async function pathsOf(...relations: string[]): Promise<string[]> {
  const names = relations.map((name) => `pg_relation_filepath('${name}')`)
  const [row] = await pg.query(
    'clinic',
    `select array[${names.join()}] as paths, oid from pg_database where datname = 'clinic'`,
  )
  return row.paths.map((path: string) => path.replace(`base/${row.oid}/`, '1663/')).toSorted()
}

const filesOf = ({ heaps, indexes }: ListedTable) => [...heaps, ...indexes].toSorted()
const named = (tables: readonly ListedTable[], name: string) =>
  tables.find((table) => table.name === name) as ListedTable

test('a table is listed with its toast and its indexes, a partition with what it is part of', async () => {
  await pg.query(
    'clinic',
    `create table visit (no int primary key, note text);
     create index on visit (note);
     create table "By Year" (year int, no int) partition by list (year);
     create table "by 2026" partition of "By Year" for values in (2026);
     create materialized view seen as select * from visit`,
  )
  const { tables, left } = await listed()
  expect(left).toEqual([])
  const [{ toast }] = await pg.query(
    'clinic',
    `select reltoastrelid::regclass::text as toast from pg_class where oid = 'visit'::regclass`,
  )
  const visit = named(tables, 'visit')
  expect(visit.heaps.toSorted()).toEqual(await pathsOf('visit', toast))
  expect(visit.indexes.toSorted()).toEqual(await pathsOf('visit_pkey', 'visit_note_idx', `${toast}_index`))
  expect(named(tables, 'By Year')).toMatchObject({ heaps: [], indexes: [], parents: [] })
  expect(named(tables, 'by 2026')).toMatchObject({ parents: [named(tables, 'By Year').oid], schema: 'public' })
  expect(filesOf(named(tables, 'seen'))).toHaveLength(3)
})

test('what a reader of other tables may need, or is replayed in a way of its own, is not listed', async () => {
  await pg.query(
    'clinic',
    `create unlogged table passing (no int primary key);
     create table hashed (no serial, code text);
     create index by_hash on hashed using hash (code);
     create table rates (code text);
     alter extension plpgsql add table rates`,
  )
  const { tables } = await listed()
  expect(tables.map(({ name }) => name).toSorted()).toEqual(['By Year', 'by 2026', 'hashed', 'seen', 'visit'])
  const all = new Set(tables.flatMap(filesOf))
  const others = await pathsOf(
    'passing',
    'passing_pkey',
    'hashed_no_seq',
    'by_hash',
    'rates',
    'pg_statistic',
    'pg_largeobject',
  )
  expect(others.filter((path) => all.has(path))).toEqual([])
})

test('a database that lets nobody in is left, and the others are listed all the same', async () => {
  await pg.query('postgres', 'create database closed')
  // What an interrupted DROP DATABASE leaves.
  await pg.query('postgres', "update pg_database set datconnlimit = -2 where datname = 'closed'")
  const { databases, left, tables } = await listed()
  expect(left).toEqual([{ database: 'closed', because: expect.stringContaining('closed') }])
  expect(databases.map(({ name }) => name).toSorted()).toEqual(['clinic', 'postgres'])
  expect(tables.length).toBeGreaterThan(0)
})

test('a database whose list would be too long to be held is left', async () => {
  const { databases, left } = await listed({ longestBytes: 100 })
  expect(databases).toMatchObject([{ name: 'postgres', tables: [] }])
  expect(left).toContainEqual({ database: 'clinic', because: 'it has too many tables for the list' })
})

test('a server that lets us in and says nothing more is not waited for', async () => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    // AuthenticationOk and ReadyForQuery, as PostgreSQL's protocol has them.
    socket.once('data', () =>
      socket.write(Buffer.from([...[0x52, 0, 0, 0, 8, 0, 0, 0, 0], ...[0x5a, 0, 0, 0, 5, 0x49]])),
    )
  }).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const to = { host: '127.0.0.1', port, database: 'clinic', user: 'postgres', sslmode: 'disable' } as const
  const listing = listRelations(to, { applicationName: 'test', signal: new AbortController().signal })
  await expect(listing).rejects.toMatchObject({ code: 'SOURCE_CONNECTION_LOST' })
  for (const socket of sockets) socket.destroy()
  silent.close()
})

test('what is not listed in time is left, the database of the source coming first', async () => {
  const { databases, left } = await listed({ budgetMs: 0 })
  expect(databases).toEqual([])
  expect(left.map(({ database }) => database)[0]).toBe('clinic')
})
