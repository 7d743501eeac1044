import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { RunId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { partKey } from '@lifeboat/shared/domain/keys.ts'
import { demandServer, type Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { newSigningKeyPair, openSigner, type Signer } from '@lifeboat/shared/signing/signing.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { FilesystemConfig } from '@lifeboat/storage/target-config.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { installedMajors, startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseNames, restoreBeside } from '../src/bare/recover-into-server.ts'
import { type Opened, openDump } from '../src/dump/open-dump.ts'
import { sshKey } from './ssh-key.ts'

const run = promisify(execFile)
const NEXT = 'records_recovering_aaaaaa'
/** One table of 70 MB in an archive, with names and values that are hard to carry, and what goes beside it. */
const LARGE = `
  create function accepts(int) returns boolean language sql as 'select true';
  create table "odd\nname" (
    id int primary key, "a ""column"" FROM stdin;" text, doubled int generated always as (id * 2) stored, ago interval, doc xml,
    constraint picky check (accepts(id))
  );
  insert into "odd\nname" (id, "a ""column"" FROM stdin;", ago, doc)
    select i, case i % 3 when 0 then null when 1 then repeat(E'\\\\.\\n\\tü', 160) else repeat(md5(i::text), 50) end,
      make_interval(days => -i, mins => i), '<a/>' from generate_series(1, 70000) i;
  create table small as select i, lo_from_bytea(0, 'abc') as object from generate_series(1, 10) i;
  create materialized view counted as select count(*) from "odd\nname";
  create sequence numbers; select setval('numbers', 42)`

/** The first row waits until every session has taken some: however late one comes, the others leave it its share. */
const WAIT = `
  create or replace function accepts(int) returns boolean language plpgsql as $$
  begin
    for turn in 1..case when $1 = 1 then 3000 else 0 end loop
      exit when (select count(*) from pg_stat_progress_copy where relid::regclass::text like '%odd%' and bytes_processed > 0) >= ${availableParallelism()};
      perform pg_sleep(0.02), pg_stat_clear_snapshot();
    end loop;
    return true;
  end $$`

let folder: string
let pg: TestPostgres
let target: Target
let identity: string
let signer: Signer
let manifest: Manifest

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-beside-'))
  const path = join(folder, 'bucket')
  await mkdir(path)
  target = await openFilesystem('bucket' as TargetId, FilesystemConfig.parse({ kind: 'filesystem', path }))
  identity = (await run('age-keygen')).stdout
  pg = await startPostgres()
  await pg.query('postgres', 'create database records')
  await pg.query(
    'records',
    `create table visit as select i, sha512(i::text::bytea) as note from generate_series(1, 20000) i`,
  )
  const { privateKey } = await newSigningKeyPair()
  signer = await openSigner('db1', privateKey)
  manifest = await sealFor(recipientOf(identity))
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('the database stands ready before the last part of its dump has come, and one that is not what was signed leaves none', async () => {
  const parts = manifest.artifacts.find(({ role }) => role === 'database')?.parts ?? []
  expect(parts.length).toBeGreaterThan(3)
  const last = partKey(manifest.sourceId, manifest.backupId, 'db.dump.zst.age' as never, parts.length - 1)
  let stoodReady = false
  const late = wrap(target, {
    async get(key, opts) {
      if (key !== last) return target.get(key, opts)
      await eventually(async () => expect(await databaseNames(server())).toContain(NEXT))
      stoodReady = true
      return Readable.from([Buffer.alloc(parts.at(-1)?.bytes ?? 0)])
    },
  })
  const reader = await readerOf(late, identity)
  const opened = await openDump(reader, manifest)
  expect(opened?.globals).toContain('CREATE ROLE')
  const place = { server: server(), database: 'records', name: NEXT, why: 'recovering' } as const
  const restoring = restoreBeside(reader, demandServer(manifest), opened as Opened, place, () => {})
  await expect(restoring).rejects.toMatchObject({ code: 'ARTIFACT_DIGEST_MISMATCH' })
  expect(stoodReady).toBe(true)
  expect(await databaseNames(server())).not.toContain(NEXT)
  expect(await readdir(reader.workDir)).not.toContain('archive')
})

test('a restore that fails while its dump comes waits for none of it, and leaves none of it', async () => {
  const asked: AbortSignal[] = []
  const silent = wrap(target, {
    get(key, opts) {
      const { signal } = opts ?? {}
      if (!key.includes('db.dump.zst.age') || signal === undefined) return target.get(key, opts)
      asked.push(signal)
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  })
  const reader = await readerOf(silent, identity)
  const opened = (await openDump(reader, manifest)) as Opened
  const nobody = { ...server(), port: 1 }
  const place = { server: nobody, database: 'records', name: NEXT, why: 'recovering' } as const
  const restoring = restoreBeside(reader, demandServer(manifest), opened, place, () => {})
  await expect(restoring).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' })
  expect([reader.run.signal.aborted, asked.every(({ aborted }) => aborted)]).toEqual([false, true])
  expect(await readdir(reader.workDir)).not.toContain('archive')
})

test('a table too large for one job is taken in by several sessions, and all is as it was', async () => {
  const { dump, opened, place } = await largeDump('large', WAIT)
  await pg.query('postgres', "alter database large set datestyle = 'SQL, DMY'")
  const { compared } = await restoreBeside(await readerOf(target, identity), dump, opened, place, () => {})
  expect(compared?.against).toEqual([])
  const sessionsOf = (table: string) =>
    pg.query(place.name, `select count(distinct xmin::text)::int as sessions, count(*)::int as rows from ${table}`)
  expect(await sessionsOf('"odd\nname"')).toEqual([{ sessions: availableParallelism(), rows: 70_000 }])
  expect(await sessionsOf('small')).toEqual([{ sessions: 1, rows: 10 }])
})

test.each(['is what was signed, and all is as it was', 'is not what was signed, and nothing of it stays'])(
  'such a table is taken in while the rest of its dump is still to come; that %s',
  async (how) => {
    const isSigned = how.startsWith('is what')
    const { dump, opened, place } = await largeDump(isSigned ? 'early' : 'spoilt', more(20_000))
    const parts = dump.artifacts.find(({ role }) => role === 'database')?.parts ?? []
    const last = partKey(dump.sourceId, dump.backupId, 'db.dump.zst.age' as never, parts.length - 1)
    let seen: unknown[] = []
    const late = wrap(target, {
      async get(key, opts) {
        if (key !== last) return target.get(key, opts)
        await eventually(async () => expect(await copyingInto(place.name)).toHaveLength(availableParallelism()))
        seen = await copyingInto(place.name)
        return isSigned ? target.get(key, opts) : Readable.from([Buffer.alloc(parts.at(-1)?.bytes ?? 0)])
      },
    })
    const restoring = restoreBeside(await readerOf(late, identity), dump, opened, place, () => {})
    if (isSigned) expect((await restoring).compared?.against).toEqual([])
    else await expect(restoring).rejects.toMatchObject({ code: 'ARTIFACT_DIGEST_MISMATCH' })
    expect(seen).toHaveLength(availableParallelism())
    expect(await copyingInto(place.name)).toEqual([])
    expect((await databaseNames(server())).has(place.name)).toBe(isSigned)
  },
)

test('a row that the server refuses ends such a restore though nothing more of its dump comes', async () => {
  // Late, and near the end of what comes: the other sessions wait for more by then.
  const refuse = `create or replace function accepts(int) returns boolean language sql as 'select $1 <> -10000 or pg_sleep(2) is null'`
  const { dump, opened, place } = await largeDump('hasty', `${more(20_000)}; ${refuse}`)
  const parts = dump.artifacts.find(({ role }) => role === 'database')?.parts ?? []
  const last = partKey(dump.sourceId, dump.backupId, 'db.dump.zst.age' as never, parts.length - 1)
  const silent = wrap(target, {
    get(key, opts) {
      if (key !== last) return target.get(key, opts)
      return new Promise((_, reject) => opts?.signal?.addEventListener('abort', () => reject(opts.signal?.reason)))
    },
  })
  const restoring = restoreBeside(await readerOf(silent, identity), dump, opened, place, () => {})
  await expect(restoring).rejects.toMatchObject({ code: 'DRILL_RESTORE_FAILED', facts: { sqlState: '23514' } })
  expect(await databaseNames(server())).not.toContain(place.name)
})

const compressesItself = orNotRun(
  (installedMajors()[0] ?? 0) >= 16,
  'dumps that pg_dump compresses by zstd',
  'PostgreSQL 16',
)
test.runIf(compressesItself)('such a table is taken in also out of a dump that pg_dump compressed itself', async () => {
  const random = `insert into "odd\nname" (id, "a ""column"" FROM stdin;")
    select i, (select string_agg(sha512((i * j)::text::bytea)::text, '') from generate_series(1, 20) j) from generate_series(-60000, -1) i`
  const { dump, opened, place } = await largeDump('zipped', `${random}; ${WAIT}`, ['--compress=zstd:1'])
  const { compared } = await restoreBeside(await readerOf(target, identity), dump, opened, place, () => {})
  expect(compared?.against).toEqual([])
  const sessions = await pg.query(place.name, 'select count(distinct xmin::text)::int as sessions from "odd\nname"')
  expect(sessions).toEqual([{ sessions: availableParallelism() }])
})

test('a row of such a table that the server refuses fails the restore', async () => {
  const refuse = `create or replace function accepts(int) returns boolean language sql as 'select $1 <> 69000'`
  const { dump, opened, place } = await largeDump('picky', refuse)
  const restoring = restoreBeside(await readerOf(target, identity), dump, opened, place, () => {})
  const facts = { sqlState: '23514', message: expect.stringContaining('picky') }
  await expect(restoring).rejects.toMatchObject({ code: 'DRILL_RESTORE_FAILED', facts })
  expect(await databaseNames(server())).not.toContain(place.name)
})

test('a restore that is ended while such a table is taken in leaves no session and no database', async () => {
  const hang = `create or replace function accepts(int) returns boolean language sql as 'select $1 <> 10 or pg_sleep(600) is null'`
  const { dump, opened, place } = await largeDump('slow', hang)
  const reader = await readerOf(target, identity)
  const ended = new AbortController()
  const run = { ...reader.run, signal: ended.signal }
  const restoring = restoreBeside({ ...reader, run }, dump, opened, place, () => {})
  restoring.catch(() => {})
  await eventually(async () => expect(await copyingInto(place.name)).not.toEqual([]))
  ended.abort(new Error('enough'))
  await expect(restoring).rejects.toThrow('enough')
  expect([await copyingInto(place.name), await databaseNames(server())]).toEqual([
    [],
    expect.not.arrayContaining([place.name]),
  ])
})

test('roles and fingerprint are read also with a key that only the age program understands', async () => {
  const { identity: key, recipient } = sshKey()
  const opened = await openDump(await readerOf(target, key), await sealFor(recipient))
  expect(opened?.globals).toContain('CREATE ROLE')
  expect(JSON.stringify(opened?.fingerprint)).toContain('visit')
})

function copyingInto(database: string): Promise<unknown[]> {
  return pg.query('postgres', `select pid from pg_stat_activity where datname = '${database}' and query ~ '^COPY'`)
}

/** So many rows more for the large table. */
function more(rows: number): string {
  return `insert into "odd\nname" (id, "a ""column"" FROM stdin;") select -i, repeat(md5(i::text), 50) from generate_series(1, ${rows}) i`
}

async function largeDump(database: string, further = '', dumpArgs: readonly string[] = []) {
  // Bytes of its texts are no UTF-8, which is what sessions begin with.
  await pg.query('postgres', `create database ${database} template template0 encoding 'LATIN1' locale 'C'`)
  await pg.query(database, LARGE)
  await pg.query(database, further)
  const dump = demandServer(await sealFor(recipientOf(identity), database, dumpArgs))
  const opened = (await openDump(await readerOf(target, identity), dump)) as Opened
  const name = `${database}_recovering_aaaaaa`
  return { dump, opened, place: { server: server(), database, name, why: 'recovering' as const } }
}

function recipientOf(key: string): string {
  return /age1\w+/.exec(key)?.[0] ?? ''
}

function sealFor(recipient: string, database = 'records', dumpArgs: readonly string[] = []): Promise<Manifest> {
  return sealBackup({ pg, database, target, recipient, signer, dumpArgs })
}

async function readerOf(from: Target, key: string) {
  const workDir = await mkdtemp(join(folder, 'work-'))
  return {
    ...{ target: from, identity: new Secret(key), workDir, toolPaths: [pg.binDir], tools: {} },
    run: { id: RunId.parse('test'), signal: AbortSignal.timeout(500_000), log: silentLogger, report() {} },
    arrived() {},
  }
}

function server() {
  const { port, user, password } = pg
  return {
    ...{ host: '127.0.0.1', port, user, password: new Secret(password), database: 'postgres' },
    sslmode: 'prefer' as const,
  }
}
