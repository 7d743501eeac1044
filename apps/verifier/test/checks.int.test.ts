import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { checkIndexes } from '@lifeboat/verifier/checks/amcheck.ts'
import { checkConstraints } from '@lifeboat/verifier/checks/constraints.ts'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { makeRecords } from './records.ts'

const run = { signal: new AbortController().signal, report() {} }

test('a B-tree whose entries are not in order is found and named', async () => {
  await using pg = await startPostgres()
  const database = await makeRecords(pg)
  const [{ path }] = await pg.query(database, `checkpoint; select pg_relation_filepath('observation_note') as path`)
  await pg.stop()
  await using file = await open(join(pg.dataDir, path), 'r+')
  // The md5 texts in the leaf pages: letters change their order.
  const page = Buffer.alloc(8192)
  await file.read(page, 0, 8192, 8192 * 3)
  for (let at = 4096; at < 8192; at++) if (page[at] === 0x61) page[at] = 0x66
  await file.write(page, 0, 8192, 8192 * 3)
  await file.sync()
  await pg.restart()
  const client = new Client({ host: pg.socketDir, port: pg.port, user: pg.user, database })
  await client.connect()
  const answer = await checkIndexes(client, run)
  await client.end()
  expect(answer.answer).toBe('failed')
  expect(answer.detail).toContain('public.observation_note')
})

test('a constraint that is not valid is told unless the source had it so', async () => {
  await using pg = await startPostgres()
  const database = await makeRecords(pg)
  await pg.query(database, `alter table patient add constraint short check (length(name) < 5) not valid`)
  const client = new Client({ host: pg.socketDir, port: pg.port, user: pg.user, database })
  await client.connect()
  const asked = async (notValid: string[]) => (await checkConstraints(client, { notValid })).answer
  expect(await asked([])).toBe('failed')
  expect(await asked(['short on public.patient'])).toBe('passed')
  await client.end()
})
