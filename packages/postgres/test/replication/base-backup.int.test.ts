import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { baseBackup } from '@lifeboat/postgres/replication/base-backup.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import type { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test, vi } from 'vitest'
import {
  cancelIn,
  fill,
  never,
  PLAIN,
  patient,
  replicate,
  run,
  someFolder,
  startWire,
  takeBase,
  unpack,
  verify,
} from './house.ts'

const GOOD = 'backup successfully verified'

async function addTablespace(pg: TestPostgres): Promise<string> {
  const place = join(pg.socketDir, 'fast disk')
  await run('sh', ['-c', 'mkdir "$1" && { [ "$(id -u)" != 0 ] || chown postgres "$1"; }', 'sh', place])
  await pg.query('postgres', `CREATE TABLESPACE fast LOCATION '${place}'`)
  await pg.query('postgres', 'CREATE TABLE elsewhere TABLESPACE fast AS SELECT g FROM generate_series(1, 5000) g')
  return place
}

test('a base with a tablespace, compressed by the server, is what pg_basebackup takes and pg_verifybackup approves', async () => {
  await using pg = await startPostgres({ settings: { autovacuum: 'off' } })
  await using folder = await someFolder()
  const place = await addTablespace(pg)
  await using connection = await replicate(pg)
  const progress: { done: number; total: number }[] = []
  const taken = await takeBase(connection, join(folder.path, 'ours'), {
    compression: { level: 3, workers: 2 },
    progress: (each) => progress.push(each),
  })
  const [{ oid }] = await pg.query('postgres', "SELECT oid::text FROM pg_tablespace WHERE spcname = 'fast'")
  expect(taken.archives).toEqual([
    { name: `${oid}.tar.zst`, tablespace: { oid, path: place } },
    { name: 'base.tar.zst' },
  ])
  expect(taken.result.tablespaces).toEqual([{ oid, path: place, sizeKb: expect.any(Number) }])
  expect(parseLsn(taken.result.endLsn)).toBeGreaterThan(parseLsn(taken.result.startLsn))
  expect(taken.result).toMatchObject({ timeline: 1, checksumFailures: [] })
  const { done, total } = progress.at(-1) ?? { done: 0, total: 0 }
  expect(done).toBe(total)
  expect(done).toBeGreaterThan(20e6)

  await unpack(taken, join(folder.path, 'data'))
  expect(await verify(pg, join(folder.path, 'data'))).toBe(GOOD)

  const theirs = join(folder.path, 'theirs')
  const where = ['-h', pg.socketDir, '-p', String(pg.port), '-U', pg.user]
  await run(join(pg.binDir, 'pg_basebackup'), ['-D', theirs, '-Ft', '-X', 'fetch', '-c', 'fast', ...where])
  for (const name of ['base.tar', `${oid}.tar`])
    expect(await listing(join(taken.folder, `${name}.zst`))).toEqual(await listing(join(theirs, name)))
})

/** Segments of WAL have other names each time; everything else of a quiet server has the same. */
async function listing(archive: string): Promise<string[]> {
  const { stdout } = await run('tar', ['-tf', archive])
  return stdout
    .split('\n')
    .map((name) => name.replace(/[0-9A-F]{24}/, 'SEGMENT'))
    .sort()
}

test('a standby gives a base that verifies and names its own end', async () => {
  await using primary = await startPostgres({ settings: { full_page_writes: 'on' } })
  await using standby = await startPostgres({ standbyOf: primary })
  await using folder = await someFolder()
  await primary.query('postgres', 'CREATE TABLE t AS SELECT g FROM generate_series(1, 10000) g; CHECKPOINT')
  const [{ lsn }] = await primary.query('postgres', 'SELECT pg_current_wal_flush_lsn()::text AS lsn')
  await vi.waitFor(async () => {
    const [row] = await standby.query('postgres', `SELECT pg_last_wal_replay_lsn() >= '${lsn}' AS there`)
    expect(row.there).toBe(true)
  }, patient)
  await using connection = await replicate(standby)
  const taken = await takeBase(connection, join(folder.path, 'ours'))
  await unpack(taken, join(folder.path, 'data'))
  expect(await verify(standby, join(folder.path, 'data'))).toBe(GOOD)
})

test('a standby whose primary does not write full pages is refused, with the setting named', async () => {
  await using primary = await startPostgres({ settings: { full_page_writes: 'off' } })
  await using standby = await startPostgres({ standbyOf: primary })
  await using folder = await someFolder()
  await using connection = await replicate(standby)
  await expect(takeBase(connection, folder.path)).rejects.toMatchObject({ code: 'SOURCE_STANDBY_UNFIT' })
})

test('while nobody reads, the server waits and memory does not grow', async () => {
  await using pg = await startPostgres()
  await fill(pg, 't', 40)
  await using connection = await replicate(pg)
  let most = 0
  let got = 0
  for await (const piece of baseBackup(connection, PLAIN, never)) {
    if (piece.kind !== 'archive') {
      if (piece.kind === 'manifest') for await (const _ of piece.bytes);
      continue
    }
    for await (const bytes of piece.bytes) {
      got += bytes.length
      if (got === bytes.length) {
        await sleep(1500)
        expect(connection.wire.receivedBytes).toBeLessThan(5e6)
      }
      most = Math.max(most, connection.wire.waitingBytes)
    }
  }
  expect(got).toBeGreaterThan(40e6)
  expect(most).toBeLessThan(2e6)
})

test('a rate that was asked for is what the server reads, however small it compresses that', async () => {
  // It waits for us longer than this, and that is no reason to hang up.
  await using pg = await startPostgres({ settings: { wal_sender_timeout: '1s' } })
  await using folder = await someFolder()
  await fill(pg, 't', 60)
  await using connection = await replicate(pg)
  const startedAt = performance.now()
  const maxBytesPerSecond = 20e6
  const compression = { level: 1, workers: 0 }
  const taken = await takeBase(connection, folder.path, { maxBytesPerSecond, compression })
  const seconds = (performance.now() - startedAt) / 1000
  expect(seconds).toBeGreaterThan(taken.begin.totalBytes / maxBytesPerSecond / 2)
  await unpack(taken, join(folder.path, 'data'))
  expect(await verify(pg, join(folder.path, 'data'))).toBe(GOOD)
})

test('a connection cut half-way is an error and never a short archive', async () => {
  await using pg = await startPostgres()
  await using folder = await someFolder()
  await using wire = await startWire(pg, 8e6)
  await using connection = await replicate(pg, wire)
  await expect(takeBase(connection, folder.path)).rejects.toMatchObject({ code: 'SOURCE_CONNECTION_LOST' })
})

test('a cancelled base gives its reason, closes at once and leaves nothing running in the server', async () => {
  await using pg = await startPostgres()
  await using folder = await someFolder()
  await using connection = await replicate(pg)
  const opts = { maxBytesPerSecond: 200_000 }
  await cancelIn('streaming', pg, (signal) => takeBase(connection, folder.path, opts, signal))
})

test('a base cancelled while it waits for a gentle checkpoint does not wait for it', async () => {
  await using pg = await startPostgres()
  await using folder = await someFolder()
  await pg.query('postgres', 'CREATE TABLE t (x text)')
  await pg.query('postgres', "INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
  await using connection = await replicate(pg)
  const opts = { checkpoint: 'spread' } as const
  await cancelIn('checkpoint', pg, (signal) => takeBase(connection, folder.path, opts, signal))
})

test('a walsender that is shot ends the base with an error', async () => {
  await using pg = await startPostgres()
  await using folder = await someFolder()
  await using connection = await replicate(pg)
  const taking = takeBase(connection, folder.path, { maxBytesPerSecond: 200_000 })
  const failed = taking.catch((err: LifeboatError) => err)
  await vi.waitFor(async () => {
    const shot = await pg.query('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_progress_basebackup')
    expect(shot).toHaveLength(1)
  }, patient)
  expect(await failed).toMatchObject({ code: 'SOURCE_CONNECTION_LOST' })
})

test('damaged pages are named, and the backup is complete with them in it', async () => {
  await using pg = await startPostgres({ dataChecksums: true })
  await using folder = await someFolder()
  await fill(pg, 't', 1)
  const [{ path }] = await pg.query('postgres', "CHECKPOINT; SELECT pg_relation_filepath('t') AS path")
  await pg.stop('fast')
  for (const block of [3, 17]) await damage(join(pg.dataDir, path), block)
  await pg.restart()
  await using connection = await replicate(pg)
  const taken = await takeBase(connection, join(folder.path, 'ours'))
  const places = taken.result.checksumFailures.filter(({ block }) => block !== undefined)
  expect(places).toEqual([3, 17].map((block) => ({ file: path, block, message: expect.stringContaining(path) })))
  expect(parseLsn(taken.result.endLsn)).toBeGreaterThan(0n)
  await unpack(taken, join(folder.path, 'data'))
  expect(await verify(pg, join(folder.path, 'data'))).toBe(GOOD)

  // The connection is whole afterwards, and says the same again.
  const again = await takeBase(connection, join(folder.path, 'again'))
  expect(again.result.checksumFailures).toEqual(taken.result.checksumFailures)
})

async function damage(file: string, block: number): Promise<void> {
  const handle = await open(file, 'r+')
  await handle.write(Buffer.from('damage'), 0, 6, block * 8192 + 5000)
  await handle.close()
}

test('a base without WAL leaves pg_wal empty, for an archive that has it', async () => {
  await using pg = await startPostgres()
  await using folder = await someFolder()
  await using connection = await replicate(pg)
  const taken = await takeBase(connection, join(folder.path, 'ours'), { wal: false })
  await unpack(taken, join(folder.path, 'data'))
  const names = await readdir(join(folder.path, 'data', 'pg_wal'))
  expect(names.filter((name) => /^[0-9A-F]{24}$/.test(name))).toEqual([])
})
