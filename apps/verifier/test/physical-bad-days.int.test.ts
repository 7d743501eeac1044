import { execFile } from 'node:child_process'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealBaseOptions, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DrillRoom, openDrillRoom } from './drill-room.ts'
import { makeRecords } from './records.ts'

const run = promisify(execFile)
let room: DrillRoom
let pg: TestPostgres

beforeAll(async () => {
  room = await openDrillRoom()
  pg = await startPostgres()
  await makeRecords(pg)
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await room?.[Symbol.asyncDispose]()
})

function seal(more: Partial<SealBaseOptions> = {}) {
  const { target, recipient, agent: signer } = room
  return sealBase({ pg, database: 'records', target, recipient, signer, ...more })
}

test('a disk too small is told before the first byte of data is fetched', async () => {
  const tooLarge = { summary: { tables: null, rows: null, databaseBytes: 10 ** 15 } }
  const { manifest } = await seal({ change: (manifest) => ({ ...manifest, ...tooLarge }) })
  const fetched: string[] = []
  const get: typeof room.target.get = (key, opts) => {
    fetched.push(key)
    return room.target.get(key, opts)
  }
  const fact = await room.drill(manifest, { deps: { targets: new Map([[room.target.id, { ...room.target, get }]]) } })
  expect(fact.verdict).toBe('inconclusive')
  expect(fact.reasons.join()).toContain('not enough room')
  expect(fetched.filter((key) => key.includes('base.tar'))).toEqual([])
})

test('a file that is not the one the server sent is found by its list', async () => {
  const { manifest } = await seal({ spoil: (name, contents) => (name.startsWith('base') ? bent(contents) : contents) })
  const fact = await room.drill(manifest)
  expect(fact.verdict).toBe('failed')
  expect(fact.reasons.join()).toMatch(/backup-manifest: .*checksum mismatch for file/)
})

/** One byte of the first table file of the archive, which a page has room for. */
function bent(tar: Buffer): Buffer {
  const changed = Buffer.from(tar)
  const at = changed.indexOf('base/1/')
  changed[at + 512 + 4000] = (changed[at + 512 + 4000] as number) ^ 0xff
  return changed
}

test('a machine without a library of the cluster leaves the question open, with what to install', async () => {
  await pg.query('postgres', 'create database geo')
  await pg.query(
    'geo',
    `create function of_tomorrow() returns int language c as 'plpgsql', 'plpgsql_call_handler';
     set allow_system_table_mods = on; update pg_proc set probin = '$libdir/postgis-9' where proname = 'of_tomorrow'`,
  )
  const { manifest } = await seal()
  await pg.query('postgres', 'drop database geo')
  const fact = await room.drill(manifest)
  expect(fact.verdict).toBe('inconclusive')
  expect(fact.reasons.join()).toContain(
    'recover machine: The machine of the drill lacks what this cluster was built with (problem this machine has no library postgis-9',
  )
  expect(fact.hints?.join()).toContain('Install the packages of the extensions')
  expect(fact.phases).toMatchObject({ extract: expect.any(Number), replay: expect.any(Number) })
})

test('a machine that sorts otherwise leaves the question open', async () => {
  await pg.query('postgres', `update pg_database set datcollversion = '0.1' where datname = 'records'`)
  const { manifest } = await seal()
  await pg.query('postgres', `update pg_database set datcollversion = null where datname = 'records'`)
  const fact = await room.drill(manifest)
  expect(fact.verdict).toBe('inconclusive')
  expect(fact.reasons.join()).toContain('was built with version 0.1')
  expect(fact.hints?.join()).toContain('run the verifier on the operating system of the source')
})

test('tablespaces come back beside the data, roles that may not log in do not keep the drill out', async () => {
  const place = join(pg.socketDir, 'elsewhere')
  await mkdir(place)
  const { stdout } = await run('stat', ['-c', '%u:%g', pg.dataDir])
  await run('chown', [stdout.trim(), place])
  await pg.query('postgres', `create tablespace elsewhere location '${place}'`)
  await pg.query('records', `create table apart tablespace elsewhere as select generate_series(1, 1000) as no`)
  await pg.query('postgres', 'create role "Super Ärztin" superuser login')
  const { manifest } = await sealAsOther()
  const assertions = [{ name: 'the table apart', sql: 'select count(*) from apart', expect: { equals: 1000 } }]
  expect(await room.drill(manifest, { rules: { assertions } })).toMatchObject({ verdict: 'proven', reasons: [] })
})

/** The superuser initdb made may not log in while the backup is taken. */
async function sealAsOther() {
  const user = 'Super Ärztin'
  const query = async (database: string, sql: string) => {
    const client = new Client({ host: pg.socketDir, port: pg.port, user, database })
    await client.connect()
    const { rows } = await client.query(sql)
    await client.end()
    return rows
  }
  await query('postgres', 'alter role postgres nologin')
  try {
    return await seal({ pg: Object.create(pg, { user: { value: user }, query: { value: query } }) })
  } finally {
    await query('postgres', 'alter role postgres login')
  }
}

test('a damaged page that came with the backup is found by its checksum', async () => {
  const [{ path }] = await pg.query('records', `checkpoint; select pg_relation_filepath('patient') as path`)
  await pg.stop()
  await run(join(pg.binDir, 'pg_checksums'), ['--enable', '--no-sync', '-D', pg.dataDir])
  const file = await open(join(pg.dataDir, path), 'r+')
  await file.write(Buffer.from('x'), 0, 1, 8192 - 9)
  await file.close()
  await pg.restart()
  const { manifest } = await seal({ args: ['--no-verify-checksums'] })
  const fact = await room.drill(manifest, { rules: { amcheck: false } })
  expect(fact.verdict).toBe('failed')
  expect(fact.reasons).toEqual([expect.stringMatching(/^checksums: 1 pages are damaged: .*base\//)])
})
