import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { installedMajors, startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { describe, expect, test, vi } from 'vitest'
import { fill, PLAIN, replicate, run, someFolder, takeBase, unpack, verify } from './house.ts'

const major = installedMajors()[0] ?? 0
const SUMMARIES = { settings: { summarize_wal: 'on', autovacuum: 'off' } }

const isAble = orNotRun(major >= 17, 'BASE_BACKUP of what changed', 'PostgreSQL 17 (`pnpm test:postgres 17`)')
const isOld = orNotRun(major < 17, 'BASE_BACKUP of what changed, refused', 'PostgreSQL 15 or 16')

describe.runIf(isOld)('before PostgreSQL 17', () => {
  test('an incremental backup is refused before anything is sent', async () => {
    await using pg = await startPostgres()
    await using folder = await someFolder()
    await using connection = await replicate(pg)
    await expect(takeBase(connection, folder.path, { incremental: Buffer.from('{}') })).rejects.toMatchObject({
      code: 'BASE_INCREMENTAL_UNSUPPORTED',
    })
  })
})

describe.runIf(isAble)('from PostgreSQL 17 on', () => {
  test('a full and its incrementals combine to the cluster as it is, and carry only what changed', async () => {
    await using pg = await startPostgres(SUMMARIES)
    await using folder = await someFolder()
    await fill(pg, 't', 30)
    const place = (name: string) => join(folder.path, name)
    // With checksums the first reader of a row changes its page; that is done before, so that little changes afterwards.
    await pg.query('postgres', 'VACUUM t')
    const parent = await backUp(pg, place('full'))
    await pg.query('postgres', "UPDATE t SET x = 'changed' WHERE id % 1000 = 0; CREATE TABLE u AS SELECT 1 AS one")
    const first = await backUp(pg, place('first'), parent.folder)
    await pg.query('postgres', 'DELETE FROM t WHERE id > 20000; CREATE INDEX ON t (id)')
    await pg.query('postgres', 'VACUUM t')
    const second = await backUp(pg, place('second'), first.folder)
    expect(first.bytes).toBeLessThan(parent.bytes / 2)
    expect(await verify(pg, place('first-data'))).toContain('successfully verified')

    const chain = ['full-data', 'first-data', 'second-data'].map(place)
    await run(join(pg.binDir, 'pg_combinebackup'), ['-o', place('combined'), ...chain])
    expect(await verify(pg, place('combined'))).toContain('successfully verified')
    const [{ path }] = await pg.query('postgres', "CHECKPOINT; SELECT pg_relation_filepath('t') AS path")
    const combined = await readFile(join(place('combined'), path))
    expect(combined.equals(await readFile(join(pg.dataDir, path)))).toBe(true)
    expect(second.archives).toEqual([{ name: 'base.tar.zst' }])
  })

  test('a parent of another cluster is refused, and nonsense is', async () => {
    await using pg = await startPostgres(SUMMARIES)
    await using stranger = await startPostgres(SUMMARIES)
    await using folder = await someFolder()
    const parent = await backUp(stranger, join(folder.path, 'full'))
    // The template gives every test server the same identity: only the history tells them apart.
    const foreign = (await readFile(join(parent.folder, 'backup_manifest'), 'utf8')).replace(
      /"System-Identifier": \d+/,
      '"System-Identifier": 42',
    )
    for (const incremental of [Buffer.from(foreign), Buffer.from('{}')]) {
      await using each = await replicate(pg)
      const refused = takeBase(each, join(folder.path, 'none'), { incremental })
      await expect(refused).rejects.toMatchObject({ code: 'BASE_PARENT_UNFIT' })
    }
  })

  test('a server that does not summarize WAL says so, and so does one whose summaries are gone', async () => {
    await using pg = await startPostgres(SUMMARIES)
    await using folder = await someFolder()
    const parent = await backUp(pg, join(folder.path, 'full'))
    await pg.query('postgres', 'CREATE TABLE u AS SELECT 1 AS one')
    const incremental = await readFile(join(parent.folder, 'backup_manifest'))
    // WAL that is still there would be summarized again; a checkpoint removes it once it is.
    const begin = `pg_walfile_name('${parent.result.startLsn}')`
    await vi.waitFor(
      async () => {
        await pg.query('postgres', 'SELECT pg_switch_wal(); CHECKPOINT')
        expect(await pg.query('postgres', `SELECT 1 FROM pg_ls_waldir() WHERE name <= ${begin}`)).toEqual([])
      },
      { timeout: 90_000, interval: 200 },
    )
    await pg.stop('fast')
    await run('sh', ['-c', 'rm "$1"/pg_wal/summaries/*', 'sh', pg.dataDir])
    await pg.restart()
    await using first = await replicate(pg)
    await expect(takeBase(first, join(folder.path, 'none'), { incremental })).rejects.toMatchObject({
      code: 'BASE_SUMMARIES_MISSING',
    })
    await using off = await startPostgres({ settings: { summarize_wal: 'off' } })
    await using second = await replicate(off)
    await expect(takeBase(second, join(folder.path, 'none'), { incremental })).rejects.toMatchObject({
      code: 'BASE_INCREMENTAL_UNSUPPORTED',
    })
  })
})

async function backUp(pg: TestPostgres, folder: string, parent?: string) {
  await using connection = await replicate(pg)
  const incremental = parent === undefined ? {} : { incremental: readInPieces(join(parent, 'backup_manifest')) }
  const taken = await takeBase(connection, folder, { ...PLAIN, compression: { level: 1, workers: 0 }, ...incremental })
  await unpack(taken, `${folder}-data`)
  const { stdout } = await run('du', ['-sb', `${folder}-data/base`])
  return { ...taken, bytes: Number.parseInt(stdout, 10) }
}

async function* readInPieces(file: string): AsyncGenerator<Buffer> {
  const handle = await open(file)
  yield* handle.createReadStream({ highWaterMark: 10_000 })
}
