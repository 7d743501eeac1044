import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { installHardDatabase } from '@lifeboat/testkit/hard-database/install.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareHouse, openBareHouse } from './bare-house.ts'

let house: BareHouse
let pg: TestPostgres
let manifest: Manifest

beforeAll(async () => {
  house = await openBareHouse()
  pg = await startPostgres()
  await pg.query('postgres', `create role app login; create role "odd role" nologin`)
  await pg.query('postgres', 'create database records owner app')
  await pg.query(
    'postgres',
    `alter database records set search_path = visits, public; grant connect on database records to "odd role"`,
  )
  await pg.query(
    'records',
    'create schema visits authorization app; create table visits.visit (no int primary key, note text)',
  )
  await pg.query(
    'records',
    `alter table visits.visit owner to app; insert into visits.visit select i, md5(i::text) from generate_series(1, 2000) i`,
  )
  manifest = await sealBackup({ pg, database: 'records', signer: house.agent, ...house })
  await house.drilled(manifest)
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

const COUNT = 'select count(*)::int as rows from visits.visit'

test('out of a bucket and a key alone a database comes back in a server of its own, compared with what it was', async () => {
  const [folder, port] = [join(house.folder, randomUUID()), await freePort()]
  const { code, out, err } = await house.recover(['--to', folder, '--port', String(port), '--start'])
  expect([code, err]).toEqual([0, expect.stringContaining('restore …')])
  expect(out).toMatch(/records is back: 1 tables with 2000 rows, 1 compared by content/)
  expect(out).toContain(`What was committed after ${manifest.snapshotAt}`)
  try {
    expect(await house.ask(port, 'records', 'select count(*) from visit')).toBe('2000')
    expect(await house.ask(port, 'postgres', `select rolcanlogin from pg_roles where rolname = 'app'`)).toBe('t')
  } finally {
    await house.stop(join(folder, 'data'), pg.binDir)
  }
})

test('into a server that has the original still: beside it, under another name, with owner, settings and grants', async () => {
  const env = { PGPASSWORD: pg.password }
  const server = `postgres://postgres@127.0.0.1:${pg.port}/postgres`
  const { code, err, out } = await house.recover(['--server', server, '--as', 'records_again', '--json'], { env })
  expect([code, err, code === 0 ? '' : out]).toEqual([0, '', ''])
  expect(JSON.parse(out).result).toMatchObject({
    database: 'records_again',
    rolesCreated: [],
    compared: { against: [] },
  })
  expect(await pg.query('records_again', COUNT)).toEqual([{ rows: 2000 }])
  expect(
    await pg.query(
      'records_again',
      `select current_setting('search_path') as path, pg_get_userbyid(datdba) as owner, datacl::text like '%odd role%' as granted from pg_database where datname = current_database()`,
    ),
  ).toEqual([{ path: 'visits, public', owner: 'app', granted: true }])
  const taken = await house.recover(['--server', server], { env })
  expect([taken.code, taken.err]).toEqual([7, expect.stringContaining('RECOVERY_PLACE_TAKEN')])
  const wrongPassword = await house.recover(['--server', server, '--as', 'x'], { env: { PGPASSWORD: 'no' } })
  expect([wrongPassword.code, wrongPassword.err]).toEqual([4, expect.stringContaining('SOURCE_AUTH_REFUSED')])
})

test('into a server that never heard of it: the roles it lacks are made, the others stay as they are', async () => {
  await using other = await startPostgres({ roles: { app: 'NOLOGIN' } })
  const env = { PGPASSWORD: other.password }
  const { code, out } = await house.recover(['--server', `postgres://postgres@127.0.0.1:${other.port}`], { env })
  expect([code, out]).toEqual([0, expect.stringContaining('Roles made there: odd role.')])
  expect(await other.query('records', COUNT)).toEqual([{ rows: 2000 }])
  expect(await other.query('postgres', `select rolcanlogin as login from pg_roles where rolname = 'app'`)).toEqual([
    { login: false },
  ])
})

test('a dump that lacks what its fingerprint counted is not called back, and leaves no database', async () => {
  await using lying = await openBareHouse()
  const bad = await sealBackup({
    ...{ pg, database: 'records', signer: lying.agent, ...lying },
    dumpArgs: ['--exclude-table-data=visits.visit'],
  })
  await lying.drilled(bad)
  const env = { PGPASSWORD: pg.password }
  const server = ['--server', `postgres://postgres@127.0.0.1:${pg.port}/postgres`, '--as', 'lied']
  const { code, err } = await lying.recover(server, { env })
  expect([code, err]).toEqual([7, expect.stringMatching(/RECOVERY_UNLIKE[\s\S]*visit has 0 rows instead of 2000/)])
  const folder = join(lying.folder, 'new')
  expect((await lying.recover(['--to', folder])).err).toContain('RECOVERY_UNLIKE')
  expect(await lying.names(folder)).toEqual([])
  const left = await pg.query(
    'postgres',
    `select datname from pg_database where datname like 'lied%' or datname like '%recovering%'`,
  )
  expect(left).toEqual([])
})

test('a database with everything PostgreSQL can hold comes back under another name', async () => {
  await using hard = await openBareHouse()
  await using source = await startPostgres()
  const database = await installHardDatabase(source, { toast: false })
  await hard.drilled(await sealBackup({ pg: source, database, signer: hard.agent, ...hard }))
  const env = { PGPASSWORD: source.password }
  const server = `postgres://postgres@127.0.0.1:${source.port}/postgres`
  const { code, err, out } = await hard.recover(['--server', server, '--as', 'a "new" name', '--json'], { env })
  expect([code, err, code === 0 ? '' : out]).toEqual([0, '', ''])
  expect(JSON.parse(out).result.compared.against).toEqual([])
})
