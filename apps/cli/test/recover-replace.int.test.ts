import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type BareHouse, openBareHouse } from './bare-house.ts'
import { cli, startCli } from './run-cli.ts'

let house: BareHouse
let pg: TestPostgres
let server: string[]
let env: Record<string, string>

beforeAll(async () => {
  house = await openBareHouse()
  pg = await startPostgres({ settings: { max_prepared_transactions: '5' } })
  server = ['--server', `postgres://postgres@127.0.0.1:${pg.port}/postgres`]
  env = { PGPASSWORD: pg.password }
  await pg.query('postgres', 'create database records')
  await pg.query('records', 'create table visit as select i as no from generate_series(1, 100) i')
  const manifest = await sealBackup({ pg, database: 'records', signer: house.agent, ...house })
  await house.drilled(manifest)
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  for (const name of await databases())
    if (name !== 'records') await pg.query('postgres', `drop database "${name}" with (force)`)
  await pg.query('records', 'truncate visit')
})

const rowsIn = async (database: string) => (await pg.query(database, 'select count(*)::int as rows from visit'))[0].rows
const databases = async (): Promise<string[]> =>
  (await pg.query('postgres', `select datname from pg_database where datname like 'records%' order by 1`)).map(
    ({ datname }) => datname,
  )
const sessions = (which: string) => pg.query('postgres', `select query from pg_stat_activity where ${which}`)
const replace = (more: string[] = []) =>
  house.recover([...server, '--replace', '--confirm', 'records', '--drain', '200ms', ...more], { env })

test('a database with sessions that do not leave is replaced, the old one is kept, and it can be undone and released', async () => {
  const idle = pg.query('records', 'select pg_sleep(600)').catch((err: Error) => err.message)
  await expect.poll(() => sessions(`query ~ 'sleep.600' and pid <> pg_backend_pid()`)).toHaveLength(1)
  const pool = comingBack()
  const { code, out, err } = await replace().finally(() => pool.stop())
  expect([code, err]).toEqual([0, expect.stringContaining('swap …')])
  expect(out).toMatch(
    /What was records is now records_before_\d{8}t\d{6}z; nobody can enter it. \d+ sessions did not leave/,
  )
  expect(await idle).toMatch(/terminating connection/)
  expect(await rowsIn('records')).toBe(100)
  for (const rows of await pool.stop()) expect([0, 100]).toContain(rows)
  await expect(rowsIn((await databases())[1] ?? '')).rejects.toThrow(/not currently accepting connections/)

  const undo = ['records', ...server, '--confirm', 'records']
  const reverted = await cli(house.folder, ['recover', 'revert', ...undo, '--drain', '0s', '--json'], env)
  expect([reverted.code, reverted.err]).toEqual([0, ''])
  expect(await rowsIn('records')).toBe(0)
  const released = await cli(house.folder, ['recover', 'release', ...undo, '--json'], env)
  expect(JSON.parse(released.out).dropped).toEqual([expect.stringMatching(/^records_reverted_/)])
  expect(await databases()).toEqual(['records'])
  const again = await cli(house.folder, ['recover', 'release', ...undo], env)
  expect([again.code, again.err]).toEqual([7, expect.stringContaining('RECOVERY_NOTHING_ASIDE')])
})

test.each(['restore', 'check', 'analyze', 'swap'])(
  'killed in the phase %s, the database is there as before or complete, and the next one succeeds',
  async (phase) => {
    const args = ['recover', '--from', house.address, '--identity', house.identityFile, ...house.signers, ...server]
    const drain = ['--drain', phase === 'swap' ? '0s' : '1h']
    // The swap waits for it: whoever is to be killed before is not behind it already.
    await using session = await somebody()
    const running = startCli(house.folder, [...args, '--replace', '--confirm', 'records', ...drain], env)
    await expect.poll(() => running.err()).toContain(`${phase} …`)
    running.child.kill('SIGKILL')
    await running.end
    await session.leaves()
    // What it had sent the server does all the same.
    await expect.poll(() => sessions(`application_name ~ '^lifeboat'`)).toEqual([])
    const rows = await rowsIn('records')
    expect(phase === 'swap' ? [0, 100] : [0]).toContain(rows)
    expect((await databases()).filter((name) => /_before_/.test(name))).toHaveLength(rows === 100 ? 1 : 0)
    await expect.poll(async () => (await replace()).code).toBe(0)
    expect(await rowsIn('records')).toBe(100)
    expect((await databases()).filter((name) => /_recovering_/.test(name))).toEqual([])
  },
)

test('what a killed command line left in the temporary folder goes with the next one, and a living one keeps its own', async () => {
  const tmp = join(house.folder, 'tmp')
  await mkdir(tmp)
  const own = { ...env, TMPDIR: tmp }
  const left = async () => (await readdir(tmp)).filter((name) => name.startsWith('lifeboat-recover-'))
  const args = ['recover', '--from', house.address, '--identity', house.identityFile, ...house.signers, ...server]
  const asking = startCli(house.folder, [...args, '--replace'], own, 'pipe')
  await expect.poll(() => asking.err()).toContain('Type its name to go on')
  const [folder = ''] = await left()
  await writeFile(join(tmp, folder, 'archive'), 'some of it')
  const next = () => house.recover([...server, '--as', 'records_again', '--dry-run'], { env: own })
  expect((await next()).code).toBe(0)
  expect(await left()).toEqual([folder])
  asking.child.kill('SIGKILL')
  await asking.end
  expect((await next()).code).toBe(0)
  expect(await left()).toEqual([])
})

test('a prepared transaction holds the database: nothing changes and it is named', async () => {
  await pg.query('records', `begin; insert into visit values (7); prepare transaction 'of somebody'`)
  try {
    const { code, err } = await replace()
    expect([code, err]).toEqual([7, expect.stringMatching(/RECOVERY_SWAP_BLOCKED[\s\S]*of somebody/)])
    expect(await databases()).toEqual(['records'])
    expect(await rowsIn('records')).toBe(0)
  } finally {
    await pg.query('records', `rollback prepared 'of somebody'`)
  }
})

test('the name must be typed, or nothing is touched', async () => {
  const args = [...server, '--replace']
  const wrong = await house.recover(args, { env, answer: 'recrods' })
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('Type its name to go on')])
  expect(await databases()).toEqual(['records'])
  const right = await house.recover([...args, '--drain', '0s'], { env, answer: 'records' })
  expect([right.code, right.out]).toEqual([0, expect.stringContaining('What was records is now')])
})

test('two recoveries of one database at once: the second is refused', async () => {
  const args = ['recover', '--from', house.address, '--identity', house.identityFile, ...house.signers, ...server]
  // Without it the first could be through before the second is there.
  await using session = await somebody()
  const first = startCli(house.folder, [...args, '--replace', '--confirm', 'records', '--drain', '1h'], env)
  await expect.poll(() => first.err()).toContain('restore …')
  first.child.kill('SIGSTOP')
  const second = await replace()
  expect([second.code, second.err]).toEqual([7, expect.stringContaining('RECOVERY_UNDER_WAY')])
  first.child.kill('SIGCONT')
  await session.leaves()
  expect((await first.end).code).toBe(0)
})

test('a database that is gone comes back under its name, with nothing to put aside', async () => {
  await pg.query('postgres', 'drop database records with (force)')
  const { code, out } = await replace(['--json'])
  expect([code, JSON.parse(out).result.swapped]).toEqual([0, undefined])
  expect(await rowsIn('records')).toBe(100)
})

test('an address that leads into the database itself is refused with the way out', async () => {
  const own = ['--server', `postgres://postgres@127.0.0.1:${pg.port}/records`, '--replace', '--confirm', 'records']
  const { code, err } = await house.recover(own, { env })
  expect([code, err]).toEqual([7, expect.stringMatching(/RECOVERY_SERVER_UNFIT[\s\S]*name another one/)])
})

/** A session of the database that stays until it is told to leave. */
async function somebody(): Promise<{ leaves(): Promise<void> } & AsyncDisposable> {
  const session = pg.query('records', `select 'somebody', pg_sleep(3600)`).catch(() => {})
  const own = `query ~ 'somebody' and pid <> pg_backend_pid()`
  await expect.poll(() => sessions(own)).toHaveLength(1)
  const leaves = async () => {
    await pg.query('postgres', `select pg_terminate_backend(pid) from pg_stat_activity where ${own}`)
    await session
  }
  return { leaves, [Symbol.asyncDispose]: leaves }
}

/** A pool that connects again as soon as it lost its session; `stop` gives the numbers of rows it saw. */
function comingBack(): { stop(): Promise<number[]> } {
  let stopped = false
  const seen = new Set<number>()
  const ended = (async () => {
    while (!stopped) {
      await rowsIn('records').then(
        (rows) => seen.add(rows),
        () => {},
      )
      await pause(20)
    }
  })()
  return {
    async stop() {
      stopped = true
      await ended
      return [...seen]
    },
  }
}
