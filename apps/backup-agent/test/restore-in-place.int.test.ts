import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { PATIENTS, type ServedRestoreHouse, serveRestoreHouse } from './restore-house.ts'

let served: ServedRestoreHouse
let { at, cfg } = {} as ServedRestoreHouse
beforeAll(async () => {
  // Statistics shall be those of the restore.
  served = await serveRestoreHouse({ settings: { autovacuum: 'off' } })
  ;({ at, cfg } = served)
})
afterAll(() => served?.[Symbol.asyncDispose]())
beforeEach(() => served.begin())
afterEach(() => void vi.unstubAllEnvs())

const KEPT = [expect.stringMatching(/^records_before_/)]
const revert = async () => {
  const { restoreId } = await at.command(cfg, { action: 'revert' })
  return at.settled(restoreId)
}

test('a restored database has its statistics: nobody waits for a slow plan', async () => {
  const analysed = () =>
    at.house.pg.query('records', `select attname from pg_stats where tablename = 'patient' order by 1`)
  expect(await analysed()).toEqual([])
  const { restoreId } = await at.command(cfg)
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  expect(await analysed()).toEqual(['data', 'id', 'name'].map((attname) => ({ attname })))
  const counted = await at.house.pg.query('records', `select reltuples::int from pg_class where relname = 'patient'`)
  expect(counted).toEqual([{ reltuples: PATIENTS }])
})

test('who is in the database stands in the plan, and who does not leave is ended by the swap and counted', async () => {
  const { pg } = at.house
  const ended = pg
    .query('records', `set application_name = 'the shift'; select pg_sleep(3600)`)
    .catch((err: Error) => err.message)
  await until(
    () => pg.query('postgres', `select from pg_stat_activity where application_name = 'the shift'`),
    ({ length }) => length > 0,
  )
  const { sessions } = await at.plan(cfg)
  expect(sessions).toContainEqual({ user: pg.user, application: 'the shift', count: 1 })
  const { restoreId } = await at.command(cfg, { drainMs: 200 })
  const [settled] = await at.settled(restoreId)
  expect(settled).toMatchObject({ outcome: 'done', swapped: true })
  expect(settled?.terminated).toBeGreaterThanOrEqual(1)
  expect(await ended).toMatch(/terminating connection/)
  expect(await at.patients()).toBe(PATIENTS)
})

test('a server that lacks an extension of the dump is told in the plan, and nothing is begun', async () => {
  const missing = ['not_on_this_server']
  const backupId = (await at.unproven(
    ({ server, ...of }) =>
      ({ ...of, server: { ...server, extensions: { ...server?.extensions, not_on_this_server: '1.0' } } }) as Manifest,
  )) as BackupId
  const unfit = { code: 'RECOVERY_SERVER_UNFIT', facts: { missing } }
  expect((await at.plan(cfg, { backupId, unproven: true })).obstacles).toMatchObject([unfit])
  const { restoreId } = await at.command(cfg, { backupId, unproven: true, hooks: { stop: 'good' } })
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'failed', swapped: false, error: unfit }])
  expect([await at.patients(), await at.besides(), await at.hooksRan()]).toEqual([0, [], []])
})

describe('behind the swap', () => {
  test('a database that does not let the role of the backups in is told: it is in place, the old is kept and can have its name back', async () => {
    const { restoreId } = await at.command(cfg, { hooks: { stop: 'waiting', start: 'good', ready: 'good' } })
    await until(at.hooksRan, (ran) => ran.length > 0)
    await at.house.pg.query('postgres', 'alter role backup nologin')
    try {
      await at.letGo()
      const error = { code: 'RESTORE_NOT_READY', facts: { database: 'records', problem: 'SOURCE_AUTH_REFUSED' } }
      expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'failed', swapped: true, aside: KEPT[0], error }])
    } finally {
      await at.house.pg.query('postgres', 'alter role backup login')
    }
    expect([await at.patients(), await at.besides(), await at.hooksRan()]).toEqual([PATIENTS, KEPT, ['start']])
    expect(await revert()).toMatchObject([{ outcome: 'done', swapped: true }])
    expect(await at.patients()).toBe(0)
  })

  test('a ready hook that fails is told with its last words: the data is in place, the old is kept and can have its name back', async () => {
    const { restoreId } = await at.command(cfg, { hooks: { start: 'good', ready: 'failing' } })
    const facts = { hook: 'failing', on: 'ready', swapped: true, output: 'no such unit' }
    expect(await at.settled(restoreId)).toMatchObject([
      { outcome: 'failed', swapped: true, aside: KEPT[0], error: { code: 'RESTORE_HOOK_FAILED', facts } },
    ])
    expect((await at.audited(restoreId)).map(({ event }) => event)).toEqual(['accepted', 'swapped', 'failed'])
    expect([await at.patients(), await at.besides(), await at.hooksRan()]).toEqual([PATIENTS, KEPT, ['start', 'ready']])
    expect(await revert()).toMatchObject([{ outcome: 'done', swapped: true }])
    expect(await at.patients()).toBe(0)
  })
})

test('what opens the backup is in no file while it is used, nor while the service stands still, nor at the end', async () => {
  const { folder, identityFile, pg } = at.house
  const [tools, temporary] = [join(folder, 'watched-tools'), join(folder, 'temporary')]
  const [calls, leaks] = [join(folder, 'calls'), join(folder, 'leaks')]
  for (const each of [tools, temporary]) await mkdir(each)
  // That of the backup, and that of the agent, to which it was sealed.
  const secrets = [identityFile, join(folder, 'agent-identity')].map(
    (file) => /AGE-SECRET-KEY-\w+/.exec(readFileSync(file, 'utf8'))?.[0] ?? '',
  )
  const cfg = { ...at.config(), toolPaths: [tools] }
  const wanted = [...secrets, 'BEGIN AGE'].flatMap((each) => ['-e', each])
  const looking = ['-rals', ...wanted, cfg.spool.path, temporary]
  const found = () => spawnSync('grep', looking, { encoding: 'utf8' }).stdout
  const { path: age } = await findProgram('age', { toolPaths: [] })
  const quoted = (words: readonly string[]) => words.map((each) => `'${each}'`).join(' ')
  const programs = [age, join(pg.binDir, 'pg_restore'), join(pg.binDir, 'psql')]
  for (const program of programs) {
    const own = ['-als', ...secrets.flatMap((each) => ['-e', each])]
    const watching = `#!/bin/sh
echo "${basename(program)} $*" >> '${calls}'
grep ${quoted(looking)} >> '${leaks}'
grep ${quoted(own)} /dev/shm/lifeboat-* "/proc/$$/cmdline" "/proc/$$/environ" >> '${leaks}'
exec '${program}' "$@"
`
    await writeFile(join(tools, basename(program)), watching, { mode: 0o755 })
  }
  vi.stubEnv('TMPDIR', temporary)
  await using _agent = await at.house.agent(cfg)
  const { restoreId } = await at.command(cfg, { hooks: { stop: 'waiting' } })
  await until(at.hooksRan, (ran) => ran.length > 0)
  expect(found()).toBe('')
  await at.letGo()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  expect(found()).toBe('')
  const ran = readFileSync(calls, 'utf8')
  for (const call of [/^age --decrypt/m, /^pg_restore --\S/m]) expect(ran).toMatch(call)
  expect(readFileSync(leaks, 'utf8')).toBe('')
})
