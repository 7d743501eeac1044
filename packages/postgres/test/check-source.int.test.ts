import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { checkSource } from '../src/check-source.ts'
import type { SourceConnection } from '../src/connection.ts'

const search = { toolPaths: [] }
/** Every kind of thing an ordinary role may not read. */
const CLOSED = `
  REVOKE CONNECT ON DATABASE app FROM PUBLIC;
  CREATE SCHEMA private; CREATE TABLE private.notes (id serial, body text); INSERT INTO private.notes VALUES (1, 'x');
  CREATE TABLE policed (i int); ALTER TABLE policed ENABLE ROW LEVEL SECURITY; INSERT INTO policed VALUES (1), (2);
  CREATE POLICY half ON policed FOR SELECT USING (i = 1);
  SELECT lo_from_bytea(0, 'secret')`

test('a bare role that runs exactly the printed statements can then take a complete dump', async () => {
  await using pg = await startPostgres({ roles: { 'back "up"': "LOGIN PASSWORD 'p'" } })
  await pg.query('postgres', 'CREATE DATABASE app')
  await pg.query('app', CLOSED)
  const to: SourceConnection = {
    ...{ host: pg.host, port: pg.port, database: 'app', user: 'back "up"', sslmode: 'prefer' as const },
    password: new Secret('p'),
  }
  const asRole = (tool: string, args: string[]) =>
    execFileSync(join(pg.binDir, tool), args, {
      env: { PGHOST: pg.host, PGPORT: String(pg.port), PGUSER: to.user, PGPASSWORD: 'p', PGDATABASE: 'app' },
      stdio: ['ignore', 'pipe', 'pipe'],
    }).toString('latin1')

  const printed: string[][] = []
  for (let round = 0; round < 5; round++) {
    const lacking = (await checkSource(to, { rolePasswords: true, search })).filter(({ state }) => state === 'lacking')
    if (lacking.length === 0) break
    printed.push([...new Set(lacking.flatMap(({ statements }) => statements))])
    expect(() => asRole('pg_dump', ['-Fc'])).toThrow()
    for (const statement of printed.at(-1) ?? []) await pg.query('app', statement)
  }

  expect(printed).toEqual([
    ['GRANT CONNECT ON DATABASE "app" TO "back ""up""";'],
    [
      'GRANT pg_read_all_data TO "back ""up""";',
      'ALTER ROLE "back ""up""" BYPASSRLS;',
      'ALTER ROLE "back ""up""" SET lo_compat_privileges = on;',
    ],
  ])
  expect(asRole('pg_dump', ['-Fc'])).toMatch(/^PGDMP/)
  expect(asRole('pg_dumpall', ['--globals-only', '--database=app'])).toContain('SCRAM-SHA-256')
})

test('a wrong password, an absent database and a server that is down are told apart, each with its hint', async () => {
  await using pg = await startPostgres({ roles: { backup: "LOGIN PASSWORD 'p'" } })
  const to = { host: pg.host, port: pg.port, database: 'postgres', user: 'backup', sslmode: 'prefer' as const }
  const told = async (change: Partial<SourceConnection>) =>
    (await checkSource({ ...to, password: new Secret('p'), ...change }, { rolePasswords: false, search }))[0]
  expect(await told({})).toMatchObject({ check: 'connection', state: 'fine' })
  expect(await told({ password: new Secret('wrong') })).toMatchObject({ error: { code: 'SOURCE_AUTH_REFUSED' } })
  expect(await told({ password: undefined })).toMatchObject({ error: { code: 'SOURCE_AUTH_REFUSED' } })
  expect(await told({ database: 'gone' })).toMatchObject({ error: { code: 'SOURCE_DATABASE_MISSING' } })
  expect(await told({ sslmode: 'require' })).toMatchObject({ error: { code: 'SOURCE_TLS_REFUSED' } })
  await pg.stop()
  expect(await told({})).toMatchObject({ state: 'lacking', error: { code: 'SOURCE_UNREACHABLE' } })
})

test('what no right can bring back is a note that names it', async () => {
  await using pg = await startPostgres({ roles: { backup: "LOGIN PASSWORD 'p'" } })
  await pg.query(
    'postgres',
    'GRANT pg_read_all_data TO backup; CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w',
  )
  await pg.query('postgres', "CREATE USER MAPPING FOR postgres SERVER far OPTIONS (password 'x')")
  await pg.query('postgres', "CREATE SUBSCRIPTION feed CONNECTION 'host=none' PUBLICATION p WITH (connect = false)")
  const to = { host: pg.socketDir, port: pg.port, database: 'postgres', user: 'backup', sslmode: 'prefer' as const }
  const notes = (await checkSource(to, { rolePasswords: true, search })).filter(({ state }) => state !== 'fine')
  expect(notes).toMatchObject([
    { check: 'subscriptions', state: 'note', message: expect.stringContaining('feed') },
    { check: 'user-mappings', state: 'note', message: expect.stringContaining('postgres on far') },
  ])
})
