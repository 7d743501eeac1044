import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sealWithPassphrase } from '@lifeboat/shared/age/passphrase.ts'
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

const into = ({ port }: TestPostgres) => ['--server', `postgres://postgres@127.0.0.1:${port}/postgres`]
const COUNT = 'select count(*)::int as rows from visits.visit'

test('out of a bucket and a key alone a database comes back in a server of its own, compared with what it was', async () => {
  const [folder, port] = [join(house.folder, randomUUID()), await freePort()]
  const { code, out, err } = await house.recover(['--to', folder, '--port', String(port), '--start'])
  expect([code, err]).toEqual([0, expect.stringContaining('restore …')])
  expect(out).toMatch(/records is back: 1 tables with 2000 rows, 1 compared by content/)
  expect(out).toContain(`What was committed after ${manifest.snapshotAt}`)
  try {
    expect(await house.ask(port, 'records', 'select count(*) from visit')).toBe('2000')
    const analysed = `select string_agg(attname, ',' order by attname) from pg_stats where tablename = 'visit'`
    expect(await house.ask(port, 'records', analysed)).toBe('no,note')
    expect(await house.ask(port, 'postgres', `select rolcanlogin from pg_roles where rolname = 'app'`)).toBe('t')
  } finally {
    await house.stop(join(folder, 'data'), pg.binDir)
  }
})

test('the identity out of the escrow brings the data back with its passphrase, and with nothing else', async () => {
  const escrow = join(house.folder, 'safe.escrow.age')
  await writeFile(escrow, sealWithPassphrase(await readFile(house.identityFile, 'utf8'), 'correct horse battery'))
  const recover = (passphrase: string) =>
    house.recover([...into(pg), '--as', 'out_of_escrow', '--json'], {
      identity: escrow,
      env: { PGPASSWORD: pg.password, LIFEBOAT_IDENTITY_PASSPHRASE: passphrase },
    })
  const wrong = await recover('correct horse')
  expect([wrong.code, wrong.out]).toEqual([2, expect.stringContaining('another passphrase')])
  const { code, err, out } = await recover('correct horse battery')
  expect([code, err, code === 0 ? '' : out]).toEqual([0, '', ''])
  expect(await pg.query('out_of_escrow', COUNT)).toEqual([{ rows: 2000 }])
})

test('extensions this host or that server has no files of are named before anything is made', async () => {
  await using wanting = await openBareHouse()
  const change = ({ server, ...of }: Manifest) =>
    ({ ...of, server: { ...server, extensions: { ...server?.extensions, not_here: '1.0' } } }) as Manifest
  await wanting.drilled(await sealBackup({ pg, database: 'records', signer: wanting.agent, change, ...wanting }))
  const env = { PGPASSWORD: pg.password }
  const folder = join(wanting.folder, 'new')
  for (const place of [
    ['--to', folder],
    [...into(pg), '--as', 'wanting'],
  ]) {
    const planned = await wanting.recover([...place, '--dry-run', '--json'], { env })
    const unfit = { code: 'RECOVERY_SERVER_UNFIT', facts: { missing: ['not_here'] } }
    expect([planned.code, JSON.parse(planned.out).plan.obstacles]).toMatchObject([7, [unfit]])
    const { code, err } = await wanting.recover(place, { env })
    expect([code, err]).toEqual([7, expect.stringMatching(/RECOVERY_SERVER_UNFIT[\s\S]*not_here/)])
  }
  expect(await wanting.names(folder)).toEqual([])
  expect(await pg.query('postgres', `select from pg_database where datname ~ 'wanting|recovering'`)).toEqual([])
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
