import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, glob, mkdir, readdir, readFile, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asideOf } from '@lifeboat/recovery/swap/aside-names.ts'
import { RestorePlanned, RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment, newRestoreId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { pipe } from '@lifeboat/testkit/seal-backup.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RestoreConfig } from '../src/config.ts'
import { SOURCE } from './agent-house.ts'
import { PATIENTS, type ServedRestoreHouse, serveRestoreHouse } from './restore-house.ts'

let served: ServedRestoreHouse
let { at, cfg } = {} as ServedRestoreHouse
beforeAll(async () => {
  served = await serveRestoreHouse()
  ;({ at, cfg } = served)
})
afterAll(() => served?.[Symbol.asyncDispose]())
beforeEach(() => served.begin())

const HOOKS = { stop: 'good', start: 'good', ready: 'good' }

test('a plan tells copy, room, sessions, hooks, time and loss, asks for no key and touches nothing', async () => {
  const restoreId = newRestoreId(Date.now())
  const targets = ['north', 'south'] as TargetId[]
  // The agent's own first look at the source is a session as well.
  await until(
    () => served.agent.deps.footings.all(),
    (all) => all.some(({ part }) => part === 'source'),
  )
  const about = { restoreId, agentId: cfg.agentId, sourceId: SOURCE, unproven: false, requestedAt: moment(Date.now()) }
  await at.house.bus.publish(RestorePlanRequested, { ...about, targets, hooks: { stop: 'good', start: 'nobody' } })
  const { plan, error } = await at.house.fact(RestorePlanned, (fact) => fact.restoreId === restoreId)
  expect(error).toBeUndefined()
  expect(plan).toMatchObject({
    ...{ database: 'records', targetId: 'south', drillMs: 1234, signatures: 1, sessions: [] },
    backup: { backupId: at.backupId, drill: { verdict: 'proven' } },
    passedOver: [{ targetId: 'north', error: { code: 'TARGET_UNREACHABLE' } }],
    hooks: [
      { on: 'stop', name: 'good', command: ['/bin/sh', expect.any(String), 'ok'] },
      { on: 'start', name: 'nobody' },
    ],
    obstacles: [{ code: 'RESTORE_HOOK_UNKNOWN' }],
    loss: { sentence: expect.stringContaining('is not in it') },
  })
  expect(plan?.disks.length).toBeGreaterThan(0)
  expect([await at.patients(), await at.besides(), await at.hooksRan()]).toEqual([0, [], []])
})

test('a disk that has room for the archive or for the database, and not for both, is told before the first byte', async () => {
  const { bavail, bsize } = await statfs(at.house.folder)
  // What others who share the disk give back meanwhile must not make room for both.
  const databaseBytes = Math.round(0.6 * bavail * bsize)
  const backupId = await at.unproven((of) => ({ ...of, summary: { ...of.summary, databaseBytes } }) as Manifest)
  const order = await at.command(cfg, { backupId, unproven: true })
  expect(await at.settled(order.restoreId)).toMatchObject([
    { outcome: 'failed', swapped: false, error: { code: 'RECOVERY_NO_ROOM' } },
  ])
  expect([await at.patients(), await at.besides()]).toEqual([0, []])
})

test('lost rows come back on a signed command; it can be undone and let go; all of it is written down', async () => {
  const { restoreId } = await at.command(cfg, { hooks: HOOKS, targets: ['north', 'south'] })
  const [settled] = await at.settled(restoreId)
  const aside = expect.stringMatching(/^records_before_\d{8}t\d{6}z$/)
  expect(settled).toMatchObject({ outcome: 'done', swapped: true, aside, tables: 2 })
  expect([await at.patients(), await at.besides(), await at.hooksRan()]).toEqual([
    PATIENTS,
    [aside],
    ['stop', 'start', 'ready'],
  ])
  const about = { who: ['ann'], why: 'a test', action: 'restore', backupId: at.backupId, database: 'records' }
  expect(await at.audited(restoreId)).toMatchObject(
    ['accepted', 'swapped', 'done'].map((event) => ({ event, ...about })),
  )

  const revert = await at.command(cfg, { action: 'revert', hooks: HOOKS })
  expect(await at.settled(revert.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect([await at.patients(), await at.hooksRan()]).toEqual([0, ['stop', 'start', 'ready']])
  const release = await at.command(cfg, { action: 'release' })
  expect(await at.settled(release.restoreId)).toMatchObject([
    { outcome: 'done', dropped: [expect.stringMatching(/_reverted_/)] },
  ])
  const again = await at.command(cfg, { action: 'revert', hooks: HOOKS })
  expect(await at.settled(again.restoreId)).toMatchObject([
    { outcome: 'failed', error: { code: 'RECOVERY_NOTHING_ASIDE' } },
  ])
  expect([await at.besides(), await at.hooksRan()]).toEqual([[], []])
})

test('what opens the backup is written nowhere by the agent, and what it decrypted is gone', async () => {
  const { restoreId } = await at.command(cfg)
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  const secret = /AGE-SECRET-KEY-\w+/.exec(readFileSync(at.house.identityFile, 'utf8'))?.[0] ?? ''
  const files = await readdir(cfg.spool.path, { recursive: true, withFileTypes: true })
  const texts = files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'utf8'))
  for (const text of await Promise.all(texts)) expect(text).not.toMatch(new RegExp(`${secret}|BEGIN AGE`))
  expect(files.map(({ name }) => name).filter((name) => name.startsWith('work-'))).toEqual([])
})

describe('hooks:', () => {
  /** One that hangs is given a second; killed before it could say that it runs, it is begun once more. */
  const begun = (hooks: object) =>
    until(
      async () => {
        const { restoreId } = await at.command(cfg, { hooks })
        const [settled] = await at.settled(restoreId)
        return { settled, ran: await at.hooksRan() }
      },
      ({ ran }) => ran.includes('stop'),
    )

  test.each([
    ['failing', /no such unit/],
    ['hanging', /did not end within 1000 ms/],
  ])('a stop hook that is %s leaves production as it was, and the service is started again', async (name, words) => {
    const { settled, ran } = await begun({ stop: name, start: 'good' })
    expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_HOOK_FAILED' } })
    expect(JSON.stringify(settled?.error?.facts)).toMatch(words)
    expect([ran, await at.patients(), await at.besides()]).toEqual([['stop', 'start'], 0, []])
  })

  test('a hook that hangs takes all it has started with it', async () => {
    await begun({ stop: 'hanging' })
    await expect.poll(() => at.childRuns()).toBe(false)
  })

  test('a start hook that fails is told, with the data in place and the old kept', async () => {
    const { restoreId } = await at.command(cfg, { hooks: { start: 'failing' } })
    const told = { outcome: 'failed', swapped: true, error: { code: 'RESTORE_HOOK_FAILED', facts: { swapped: true } } }
    expect(await at.settled(restoreId)).toMatchObject([told])
    expect([await at.patients(), (await at.besides()).length]).toEqual([PATIENTS, 1])
  })
})

describe('as docs/restore.md says,', () => {
  const page = readFileSync(new URL('../../../docs/restore.md', import.meta.url), 'utf8')
  const lines = (first: string) =>
    [...page.matchAll(/```(?:ba)?sh\n([\s\S]*?)```/g)].find(([, block]) => block?.startsWith(first))?.[1] ?? ''
  const installed = orNotRun(spawnSync('nats', ['--version']).error === undefined, 'nats pub', 'the nats tool')
  test.for(['exec 3<>', 'nats pub '])('a wish written down is published by hand: %s…', async (first, { skip }) => {
    if (first.startsWith('nats')) skip(!installed, 'the nats tool is not installed here')
    const order = await at.order(cfg)
    const cwd = at.house.folder
    await writeFile(join(cwd, 'order.json'), `${JSON.stringify(await at.wish(order))}\n`)
    const { hostname: NATS_HOST, port: NATS_PORT } = new URL(at.house.natsUrl)
    const env = { PATH: process.env.PATH, NATS_URL: at.house.natsUrl, NATS_HOST, NATS_PORT }
    expect(lines(first)).toContain('requested.v1.db1 ')
    const script = lines(first).replace('v1.db1 ', `v1.${cfg.agentId} `)
    expect(spawnSync('bash', ['-euc', script], { cwd, env, encoding: 'utf8' })).toMatchObject({ status: 0 })
    expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
    expect(await at.patients()).toBe(PATIENTS)
  })
})

test('a copy no drill has proven is refused, unless the operator signed for that', async () => {
  const backupId = await at.unproven()
  const { restoreId } = await at.command(cfg, { backupId })
  expect(await at.settled(restoreId)).toMatchObject([
    { outcome: 'failed', swapped: false, error: { code: 'RECOVERY_UNPROVEN' } },
  ])
  const allowed = await at.command(cfg, { backupId, unproven: true })
  expect(await at.settled(allowed.restoreId)).toMatchObject([{ outcome: 'done' }])
})

test('a copy that turns out damaged on the way gives way to that of the next target', async () => {
  const [south, north] = ['south', 'north'].map((name) => join(at.house.folder, 'targets', name)) as [string, string]
  await cp(south, north, { recursive: true })
  const [part = ''] = await Array.fromAsync(glob(`**/${at.backupId}/db.dump.zst.age.00000`, { cwd: north }))
  const bytes = await readFile(join(north, part))
  await writeFile(join(north, part), bytes.with(5000, (bytes[5000] ?? 0) ^ 1))
  await using lending = await at.lend([at.targets.north, at.targets.south])
  const other = at.config()
  const restore = { ...(other.restore as RestoreConfig), uploaders: [`http://127.0.0.1:${lending.port}`] }
  await using _agent = await at.house.agent({ ...other, restore })
  const outcomeOf = async (targets: string[]) => {
    const { restoreId } = await at.command(other, { targets, unproven: true })
    return at.settled(restoreId)
  }
  const damaged = { outcome: 'failed', swapped: false, error: { code: 'ARTIFACT_DIGEST_MISMATCH' } }
  expect(await outcomeOf(['north'])).toMatchObject([damaged])
  expect(await outcomeOf(['north', 'south'])).toMatchObject([{ outcome: 'done', swapped: true }])
  expect([await at.patients(), (await at.besides()).length]).toEqual([PATIENTS, 1])
})

test('a database in which people may only read by default comes back so, is put back and let go', async () => {
  await at.onlyReading(async () => {
    const done = async (change: object) => {
      const { restoreId } = await at.command(cfg, change)
      expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
    }
    await done({ backupId: await at.unproven(), unproven: true })
    const shown = await at.house.pg.query('records', 'show default_transaction_read_only')
    expect(shown).toEqual([{ default_transaction_read_only: 'on' }])
    await done({ action: 'revert' })
    await done({ action: 'release' })
  })
})

test('an identity sealed to somebody else opens nothing, and nothing is touched', async () => {
  const { sealedIdentity: _ours, ...order } = (await at.order(cfg)) as { sealedIdentity?: string }
  const sealed = await pipe('age', ['-a', '-r', at.seals.recipient], await readFile(at.house.identityFile))
  const { restoreId } = await at.command(cfg, { ...order, sealedIdentity: sealed.toString() })
  expect(await at.settled(restoreId)).toMatchObject([
    { outcome: 'failed', swapped: false, error: { code: 'ARTIFACT_KEY_WRONG' } },
  ])
  expect([await at.patients(), await at.besides()]).toEqual([0, []])
})

test('what is put aside is named for the time at which that happens', async () => {
  const { binDir } = at.house.pg
  const tools = join(at.house.folder, 'slow-tools')
  const seen = join(at.house.folder, 'seen')
  await mkdir(tools)
  for (const [name, before] of [
    ['pg_restore', `sleep 1.5; date +%s >> "${seen}"`],
    ['psql', 'true'],
  ] as const)
    await writeFile(join(tools, name), `#!/bin/sh\n${before}; exec "${binDir}/${name}" "$@"\n`, { mode: 0o755 })
  const other = { ...at.config(), toolPaths: [tools] }
  await using _agent = await at.house.agent(other)
  const [settled] = await at.settled((await at.command(other)).restoreId)
  expect(settled).toMatchObject({ outcome: 'done', swapped: true })
  const restored = Number(readFileSync(seen, 'utf8').trim().split('\n').at(-1)) * 1000
  expect(asideOf('records', [String(settled?.aside)])[0]?.atMs).toBeGreaterThanOrEqual(restored)
})

test('a database that was dropped after a restore gives way to what was put aside', async () => {
  const { restoreId } = await at.command(cfg)
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  await at.house.pg.query('postgres', 'drop database records with (force)')
  const revert = await at.command(cfg, { action: 'revert', hooks: HOOKS })
  const [settled] = await at.settled(revert.restoreId)
  expect(settled).toMatchObject({ outcome: 'done', swapped: true })
  expect(settled?.aside).toBeUndefined()
  expect([await at.patients(), await at.besides(), await at.hooksRan()]).toEqual([0, [], ['stop', 'start', 'ready']])
})

test('cancelled before the swap nothing changes, the service is started again, and who asked for it and why is written down', async () => {
  const { restoreId } = await at.command(cfg, { hooks: { stop: 'waiting', start: 'good' } })
  await until(at.hooksRan, (ran) => ran.length > 0)
  await at.cancel(restoreId, served.agent)
  await at.letGo()
  const said = { cancelledBy: 'ann', cancelReason: 'the wrong source' }
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false, ...said }])
  expect([await at.patients(), await at.besides(), await at.hooksRan()]).toEqual([0, [], ['start']])
  expect(await at.audited(restoreId)).toMatchObject([
    { event: 'accepted' },
    { event: 'cancelled', who: ['ann'], ...said },
  ])
})
