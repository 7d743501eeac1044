import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configText } from './fleet.ts'
import { cli } from './run-cli.ts'

let pg: TestPostgres
let dir = ''
beforeAll(async () => {
  pg = await startPostgres({ roles: { lifeboat: "LOGIN PASSWORD 'hunter2'" } })
  await pg.query('postgres', 'CREATE DATABASE records')
  await pg.query('records', 'CREATE TABLE results (id int); INSERT INTO results VALUES (1)')
  dir = await mkdtemp(join(tmpdir(), 'lifeboat-cli-source-'))
  const source = `port: ${pg.port}, rolePasswords: false, password: env:DB_PASSWORD, database: records`
  await writeFile(
    join(dir, 'lifeboat.yaml'),
    configText('nats://127.0.0.1:1', dir).replace('port: 1, database: records', source),
  )
})
afterAll(async () => {
  await pg[Symbol.asyncDispose]()
  await rm(dir, { recursive: true })
})

const check = (password: string, ...more: string[]) =>
  cli(dir, ['source', 'check', 'records', ...more], { DB_PASSWORD: password })

test('the statements it prints are the ones that make the backup complete', async () => {
  const before = await check('hunter2', '--json')
  expect(before.code).toBe(7)
  const { complete, findings } = JSON.parse(before.out)
  const statements: string[] = findings.flatMap((finding: { statements: string[] }) => finding.statements)
  expect({ complete, statements }).toEqual({ complete: false, statements: ['GRANT pg_read_all_data TO "lifeboat";'] })
  for (const statement of statements) await pg.query('records', statement)
  expect(await check('hunter2')).toMatchObject({
    code: 0,
    out: expect.stringContaining('records can be backed up completely'),
  })
})

test('a wrong password ends with 4, and no password is ever printed', async () => {
  const { code, out, err } = await check('hunter3', '--verbose')
  expect(code).toBe(4)
  expect(out).toContain('SOURCE_AUTH_REFUSED')
  expect(out + err).not.toContain('hunter3')
})

test('a source with bases and WAL is asked for its right to replicate, as the role that will', async () => {
  const path = join(dir, 'lifeboat.yaml')
  const bases = 'bases: { sources: [records], kind: base, schedule: { cron: "0 3 * * 0" }, targets: [aws] }'
  const text = (await readFile(path, 'utf8')).replace('policies:\n', `policies:\n  ${bases}\n`)
  await writeFile(path, text.replace('wal:\n', 'wal:\n  records: { targets: [aws] }\n'))
  await pg.query('records', 'GRANT pg_read_all_data TO lifeboat')
  const before = await check('hunter2', '--json')
  const lacking = JSON.parse(before.out).findings.filter(({ state }: { state: string }) => state === 'lacking')
  expect(lacking).toMatchObject([{ check: 'replication', statements: ['ALTER ROLE "lifeboat" REPLICATION;'] }])
  await pg.query('postgres', 'ALTER ROLE "lifeboat" REPLICATION')
  expect((await check('hunter2')).code).toBe(0)
})
