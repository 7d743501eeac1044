import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { findPostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { combineBackups } from '@lifeboat/recovery/extract/combine.ts'
import { type Extracted, extractBackup, type PhysicalManifest } from '@lifeboat/recovery/extract/extract-backup.ts'
import { extractChain } from '@lifeboat/recovery/extract/extract-chain.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { installedMajors, startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealBaseOptions, type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type RecoveryHouse } from './recovery-house.ts'

const major = installedMajors()[0] ?? 0
const isAble = orNotRun(major >= 17, 'chains of incremental backups', 'PostgreSQL 17 (`pnpm test:postgres 17`)')

const run = promisify(execFile)
let house: RecoveryHouse
let pg: TestPostgres
let folders = 0

beforeAll(async () => {
  if (!isAble) return
  house = await openHouse()
  pg = await startPostgres({ settings: { summarize_wal: 'on', autovacuum: 'off' } })
  await pg.query('postgres', 'create database records')
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

/** A new folder of the server's account. */
async function place(): Promise<{ folder: string; account: { uid: number; gid: number } }> {
  const account = serverAccount()
  const folder = join(house.reader.workDir, `place-${folders++}`)
  await mkdir(folder)
  await chmod(folder, 0o700)
  if (process.getuid?.() === 0) await chown(folder, account.uid, account.gid)
  return { folder, account }
}

function seal(more: Partial<SealBaseOptions> = {}): Promise<SealedBase> {
  const { target, recipient, signer } = house
  return sealBase({ pg, database: 'records', target, recipient, signer, ...more })
}

const manifestsOf = (chain: readonly SealedBase[]) =>
  chain.map(({ manifest }) => manifest) as [PhysicalManifest, ...PhysicalManifest[]]

/** By PostgreSQL's own program. */
async function combined(chain: readonly SealedBase[]): Promise<Extracted> {
  const { folder, account } = await place()
  const tools = await findPostgresTools(major, ['pg_combinebackup'], { toolPaths: [] } as never)
  const extracted: Extracted[] = []
  for (const [no, { manifest }] of chain.entries())
    extracted.push(await extractBackup(house.reader, manifest, { folder: join(folder, 'chain', String(no)), account }))
  return combineBackups(extracted, { folder, account }, tools, house.reader.run)
}

/** Every file with its contents, every folder, every link by where it leads to. */
async function treeOf({ dataDir, tablespaces }: Extracted): Promise<Map<string, string | Buffer>> {
  const tree = new Map<string, string | Buffer>()
  for (const [name, top] of [['data', dataDir] as const, ...tablespaces]) {
    for (const entry of await readdir(top, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      const known = `${name}/${relative(top, path)}`
      if (entry.isFile()) tree.set(known, await readFile(path))
      else tree.set(known, entry.isDirectory() ? 'folder' : 'link')
    }
  }
  return tree
}

async function expectSame(chain: readonly SealedBase[]): Promise<void> {
  const theirs = await treeOf(await combined(chain))
  const ours = await treeOf(await extractChain(house.reader, manifestsOf(chain), await place()))
  theirs.delete('data/backup_manifest')
  expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort())
  const unlike = [...theirs].filter(([name, contents]) => !sameContents(contents, ours.get(name)))
  expect(unlike.map(([name]) => name)).toEqual([])
}

function sameContents(one: string | Buffer, other: string | Buffer | undefined): boolean {
  return Buffer.isBuffer(one) ? Buffer.isBuffer(other) && one.equals(other) : one === other
}

/** What a day may bring; each changes files in a way of its own. */
const EVENTS: readonly ((salt: number) => string)[] = [
  (salt) => `update t_a set v = v || 'x' where id % 97 = ${salt % 97}`,
  (salt) => `insert into t_a select g, repeat('n', 300) from generate_series(1, 1 + ${salt % 3000}) g`,
  (salt) => `delete from t_a where id > ${salt % 2000}; vacuum (truncate) t_a`,
  () => 'vacuum full t_b',
  () => 'truncate t_b',
  (salt) => `insert into t_b select g, md5(g::text) from generate_series(1, ${salt % 20000}) g`,
  (salt) =>
    `create table if not exists t_${salt % 7} as select g as id, repeat('c', 500) as v from generate_series(1, 2000) g`,
  (salt) => `drop table if exists t_${salt % 7}`,
  () => 'reindex table t_a',
  () => 'alter table t_b set tablespace aside',
  () => 'alter table t_b set tablespace pg_default',
  () => 'create unlogged table if not exists t_u as select 1 as id; insert into t_u values (2)',
  () => 'checkpoint; select pg_switch_wal()',
  (salt) => `update t_c set v = 'w' where id between ${salt % 5000} and ${(salt % 5000) + 40}`,
]

/** Of the same seed always the same. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state >>> 8
  }
}

test.runIf(isAble).each([1, 2, 3])('what comes out is what pg_combinebackup makes, workload %i', async (seed) => {
  const random = numbers(seed)
  const next = () => random.next().value as number
  const aside = join(pg.dataDir, `../aside-${seed}`)
  await run('install', ['-d', '-m', '700', '-o', String(serverAccount().uid), aside])
  await pg.query('postgres', `create tablespace aside location '${aside}'`)
  for (const name of ['t_a', 't_b', 't_c'])
    await pg.query(
      'records',
      `create table ${name} as select g as id, repeat('${name}', 60) as v from generate_series(1, 8000) g`,
    )
  await pg.query('records', 'create index on t_a (id)')
  await pg.query('records', 'vacuum t_a')
  const chain = [await seal()]
  for (let link = 0; link < 3; link++) {
    for (let event = 0; event < 6; event++) {
      const sql = EVENTS[next() % EVENTS.length]?.(next()) ?? ''
      for (const statement of sql.split(';')) await pg.query('records', statement)
    }
    const parent = chain.at(-1) as SealedBase
    chain.push(await seal({ parent }))
  }
  await expectSame(chain)
  for (const { tablename } of await pg.query('records', `select tablename from pg_tables where tablename like 't\\_%'`))
    await pg.query('records', `drop table ${tablename}`)
  await pg.query('postgres', 'drop tablespace aside')
})

test.runIf(isAble)('tables cut down and filled again between two links, and a tablespace that is gone', async () => {
  const aside = join(pg.dataDir, '../aside-gone')
  await run('install', ['-d', '-m', '700', '-o', String(serverAccount().uid), aside])
  await pg.query('postgres', `create tablespace gone location '${aside}'`)
  await pg.query('records', `create table g_a as select g as id, repeat('a', 900) as v from generate_series(1, 4000) g`)
  await pg.query('records', `create table g_b tablespace gone as select 1 as id`)
  const full = await seal()
  await pg.query('records', 'delete from g_a where id > 100')
  await pg.query('records', 'vacuum (truncate) g_a')
  const second = await seal({ parent: full })
  await pg.query('records', `insert into g_a select g, repeat('z', 900) from generate_series(1, 3000) g`)
  await pg.query('records', 'drop table g_b')
  await pg.query('postgres', 'drop tablespace gone')
  await expectSame([full, second, await seal({ parent: second })])
})

test.runIf(isAble)('the server starts on it and has every row', async () => {
  await pg.query('records', 'create table last as select g as id from generate_series(1, 5000) g')
  const full = await seal()
  await pg.query('records', 'update last set id = -id where id % 3 = 0')
  const second = await seal({ parent: full })
  await pg.query('records', 'delete from last where id > 4000')
  const third = await seal({ parent: second })
  const expected = await pg.query('records', 'select count(*), sum(id) from last')
  await using back = await house.bringBack([full, second, third], { goal: { to: 'end of backup' } })
  expect(await back.ask('records', 'select count(*), sum(id) from last')).toEqual(expected)
})

test.runIf(isAble)(
  'a link without the files it builds on is refused, and nothing that could be started is left',
  async () => {
    await pg.query('records', 'create table lonely as select g as id from generate_series(1, 50000) g')
    const full = await seal()
    await pg.query('records', 'update lonely set id = 0 where id < 10')
    const second = await seal({ parent: full })
    await pg.query('postgres', 'create database elsewhere')
    await pg.query('records', 'drop table lonely')
    const stranger = await seal()
    const to = await place()
    const thrown = await extractChain(house.reader, manifestsOf([stranger, second]), to).catch((each: unknown) => each)
    expect(thrown).toBeInstanceOf(LifeboatError)
    expect(thrown).toMatchObject({
      code: 'RECOVERY_COMBINE_FAILED',
      facts: { problem: expect.stringContaining('no earlier') },
    })
    expect(await readdir(join(to.folder, 'data/global'))).not.toContain('pg_control')
  },
)
