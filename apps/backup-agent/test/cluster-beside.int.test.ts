import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { RestorePlanned, RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment, newRestoreId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { SOURCE } from './agent-house.ts'
import { type ServedClusterHouse, serveClusterHouse, VISITS } from './cluster-house.ts'
import { killServerIn } from './kill-server.ts'

let { house, at, cfg, agent } = {} as ServedClusterHouse
beforeAll(async () => {
  ;({ house, at, cfg, agent } = await serveClusterHouse())
})
afterEach(async () => {
  if ((await besides()).length > 0)
    await at.settled((await house.command(cfg, { action: 'release', place: 'beside' })).restoreId)
})
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

const besides = () => readdir(house.clusters).catch(() => [])

test('beside, to a moment, a cluster stands still for a look, is moved on, promoted and released; production knows nothing of it', async () => {
  const { restoreId } = await house.command(cfg)
  const [settled] = await at.settled(restoreId)
  expect(settled?.error).toBeUndefined()
  expect(settled).toMatchObject({ outcome: 'done', swapped: false, cluster: { place: 'beside', state: 'paused' } })
  expect(await house.beside(VISITS)).toBe('1 2')
  const alone = `select concat_ws(' ', pg_is_in_recovery(), current_setting('archive_mode')) as answer`
  expect(await house.beside(alone)).toBe('t off')
  expect(await house.visits()).toBe('1 2 3 4')

  const moved = await house.command(cfg, { action: 'move', goal: { to: 'name', name: 'later' } })
  expect(await at.settled(moved.restoreId)).toMatchObject([{ outcome: 'done', cluster: { state: 'paused' } }])
  expect(await house.beside(VISITS)).toBe('1 2 3')

  const promoted = await house.command(cfg, { action: 'promote' })
  const [told] = await at.settled(promoted.restoreId)
  expect(told).toMatchObject({
    outcome: 'done',
    swapped: false,
    cluster: { state: 'promoted', recovered: { timeline: 1 } },
  })
  expect(await house.beside(`insert into visit values (9) returning 'written' as answer`)).toBe('written')

  const released = await house.command(cfg, { action: 'release', place: 'beside' })
  expect(await at.settled(released.restoreId)).toMatchObject([
    { outcome: 'done', dropped: [join(house.clusters, 'records')] },
  ])
  expect(await besides()).toEqual([])
  await expect(house.beside(VISITS)).rejects.toThrow()
  expect([await house.visits(), await house.besides()]).toEqual(['1 2 3 4', []])
})

test('a plan tells chain, WAL, place, time and loss, and touches nothing', async () => {
  const restoreId = newRestoreId(Date.now())
  const goal = { to: 'time', time: house.between } as const
  const about = { restoreId, agentId: cfg.agentId, sourceId: SOURCE, unproven: false, requestedAt: moment(Date.now()) }
  const cluster = { place: 'beside', goal, port: house.port } as const
  const targets = ['north', 'south'] as TargetId[]
  await at.house.bus.publish(RestorePlanRequested, { ...about, targets, hooks: {}, cluster })
  const { plan, error } = await at.house.fact(RestorePlanned, (fact) => fact.restoreId === restoreId)
  expect(error).toBeUndefined()
  expect(plan).toMatchObject({
    ...{ targetId: 'south', drillMs: 1234, sessions: [], obstacles: [] },
    passedOver: [{ targetId: 'north', error: { code: 'TARGET_UNREACHABLE' } }],
    backup: { backupId: house.base.backupId },
    cluster: {
      ...{ place: 'beside', goal: house.between, timeline: 1, port: house.port },
      wal: { bytes: expect.any(Number) },
    },
    disks: [{ of: 'the cluster' }],
    loss: { until: house.between },
  })
  expect(await besides()).toEqual([])
})

test.each<[string, () => object | Promise<object>, string]>([
  [
    'to a moment before there was a backup',
    () => ({ goal: { to: 'time', time: '2020-01-01T00:00:00.000Z' } }),
    'RECOVERY_BEFORE_WINDOW',
  ],
  [
    'to a moment that has not come',
    () => ({ goal: { to: 'time', time: '2200-01-01T00:00:00.000Z' } }),
    'RECOVERY_IN_FUTURE',
  ],
  ['behind the end of the WAL', () => ({ goal: { to: 'lsn', lsn: 'FF/0' } }), 'RECOVERY_BEYOND_ARCHIVE'],
  ['on a port that is taken', () => ({ port: at.house.pg.port }), 'RESTORE_CLUSTER_UNFIT'],
  [
    'with an identity sealed to somebody else',
    () => ({ sealedIdentity: 'age-encryption.org/v1\n' }),
    'ARTIFACT_KEY_WRONG',
  ],
  [
    'on a disk that is too small',
    async () => {
      const change = (manifest: Manifest) => ({
        ...manifest,
        summary: { ...manifest.summary, databaseBytes: 10 ** 15 },
      })
      return { backupId: (await house.seal({ change })).backupId, goal: { to: 'end of backup' } }
    },
    'RECOVERY_NO_ROOM',
  ],
])('a cluster %s is refused beforehand', async (_, change, code) => {
  const { restoreId } = await house.command(cfg, await change())
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'failed', swapped: false, error: { code } }])
  expect(await besides()).toEqual([])
})

test('to the end of the WAL it is promoted at once; it cannot go back, and no second one is made beside it', async () => {
  const { restoreId } = await house.command(cfg, { goal: { to: 'latest' } })
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', cluster: { state: 'promoted' } }])
  expect(await house.beside(VISITS)).toBe('1 2 3 4')
  const second = await house.command(cfg)
  expect(await at.settled(second.restoreId)).toMatchObject([{ error: { code: 'RESTORE_CLUSTER_UNFIT' } }])
  const moved = await house.command(cfg, { action: 'move', goal: { to: 'latest' } })
  expect(await at.settled(moved.restoreId)).toMatchObject([
    { error: { code: 'RESTORE_NOTHING_BESIDE', facts: { state: 'promoted' } } },
  ])
  expect(await house.beside(VISITS)).toBe('1 2 3 4')
})

test('one that stands still cannot be moved back, and stands where it stood; killed, it is started again with its agent', async () => {
  const { restoreId } = await house.command(cfg, { goal: { to: 'name', name: 'later' } })
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', cluster: { state: 'paused' } }])
  const back = await house.command(cfg, {
    action: 'move',
    goal: { to: 'time', time: house.between },
  })
  expect(await at.settled(back.restoreId)).toMatchObject([{ outcome: 'failed', error: { code: 'RESTORE_BACKWARD' } }])
  expect(await house.beside(VISITS)).toBe('1 2 3')

  await agent[Symbol.asyncDispose]()
  expect(await house.beside(VISITS)).toBe('1 2 3')
  await killServerIn(join(house.clusters, 'records', 'data'))
  agent = await at.house.agent(cfg)
  await expect.poll(() => house.beside(VISITS).catch(() => undefined)).toBe('1 2 3')
})

test('a release that was signed before there was a cluster beside, or is cancelled before it begins, removes nothing', async () => {
  const { restoreId } = await house.command(cfg)
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  const release = { action: 'release', place: 'beside' }
  const early = await house.command(cfg, { ...release, issuedAt: moment(Date.now() - 3_600_000) })
  expect(await at.settled(early.restoreId)).toMatchObject([{ error: { code: 'RESTORE_NOTHING_BESIDE' } }])
  const order = await house.order(cfg, release)
  await at.cancel(order.restoreId, agent)
  await at.publishRaw(await at.wish(order))
  expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect(await house.beside(VISITS)).toBe('1 2')
})

// The last one: a copy of another cluster is the newest from here on.
test('the cluster that had the name of the source before comes back beside when its backup is named', async () => {
  await house.sealOfAnother()
  const { restoreId } = await house.command(cfg)
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', cluster: { state: 'paused' } }])
  expect(await house.beside(VISITS)).toBe('1 2')
})
