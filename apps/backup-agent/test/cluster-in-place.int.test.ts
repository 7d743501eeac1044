import { rename } from 'node:fs/promises'
import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { CANCELS_BUCKET } from '@lifeboat/shared/run/cancels.ts'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { HOOKS, type ServedClusterHouse, serveClusterHouse } from './cluster-house.ts'

let { house, at, cfg, agent } = {} as ServedClusterHouse
beforeAll(async () => {
  ;({ house, at, cfg, agent } = await serveClusterHouse())
})
afterEach(async () => {
  // Back to where every test begins.
  if ((await house.besides()).length === 0) return
  if ((await house.visits()) !== '1 2 3 4')
    await at.settled((await house.command(cfg, { action: 'revert', hooks: HOOKS })).restoreId)
  await at.settled((await house.command(cfg, { action: 'release', place: 'in place' })).restoreId)
})
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

const inPlace = { place: 'in place', port: undefined, hooks: HOOKS }

test('in place, to a moment: the server goes back, what was there is kept, can be put back, and let go', async () => {
  const { restoreId } = await house.command(cfg, inPlace)
  const [settled] = await at.settled(restoreId)
  expect(settled?.error).toBeUndefined()
  const aside = expect.stringMatching(/\/data_before_\d{8}t\d{6}z$/)
  const cluster = { place: 'in place', state: 'promoted', recovered: { timeline: 1 } }
  expect(settled).toMatchObject({ outcome: 'done', swapped: true, aside, cluster })
  expect(await house.visits()).toBe('1 2')
  expect(await house.besides()).toEqual([expect.stringMatching(/_before_/)])
  const events = (await at.audited(restoreId)).map(({ event, place, goal }) => ({ event, place, goal }))
  const what = { place: 'in place', goal: { to: 'time', time: house.between } }
  expect(events).toEqual(['accepted', 'swapped', 'done'].map((event) => ({ event, ...what })))

  const reverted = await house.command(cfg, { action: 'revert', hooks: HOOKS })
  expect(await at.settled(reverted.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect(await house.visits()).toBe('1 2 3 4')
  const released = await house.command(cfg, { action: 'release', place: 'in place' })
  expect(await at.settled(released.restoreId)).toMatchObject([
    { outcome: 'done', dropped: [expect.stringMatching(/_reverted_/)] },
  ])
  expect(await house.besides()).toEqual([])
})

test('a release lets go of what had been put aside when it was signed, and never of the only cluster there is', async () => {
  const hourAgo = moment(Date.now() - 3_600_000)
  const { restoreId } = await house.command(cfg, inPlace)
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  const release = async (more: object = {}) =>
    at.settled((await house.command(cfg, { action: 'release', place: 'in place', ...more })).restoreId)
  expect(await release({ issuedAt: hourAgo })).toMatchObject([{ error: { code: 'RECOVERY_NOTHING_ASIDE' } }])
  const { dataDirectory: place } = house
  await rename(place, `${place}-elsewhere`)
  expect(await release()).toMatchObject([{ outcome: 'failed', error: { code: 'RESTORE_CLUSTER_UNFIT' } }])
  await rename(`${place}-elsewhere`, place)
  expect(await house.besides()).toHaveLength(1)
})

test('a server that a stop hook did not stop is left alone', async () => {
  const { restoreId } = await house.command(cfg, { ...inPlace, hooks: { stop: 'good', start: 'good' } })
  const [settled] = await at.settled(restoreId)
  expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_STILL_RUNNING' } })
  expect([await house.visits(), await house.besides(), await at.hooksRan()]).toEqual(['1 2 3 4', [], ['stop', 'start']])
})

test('without hooks that stop and start the server nothing begins', async () => {
  const { restoreId } = await house.command(cfg, { ...inPlace, hooks: { stop: 'stop-pg' } })
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'refused', error: { code: 'RESTORE_HOOKS_WANTED' } }])
})

test('cancelled before the swap nothing has changed, and the server runs', async () => {
  const { restoreId } = await house.command(cfg, { ...inPlace, hooks: { stop: 'slow', start: 'good' } })
  const ran: string[] = []
  await expect
    .poll(async () => ran.push(...(await at.hooksRan())), { interval: 20, timeout: 60_000 })
    .toBeGreaterThan(0)
  const runId = restoreId as string as RunId
  const cancels = await at.house.bus.bucket(CANCELS_BUCKET)
  await cancels.put(runId, { runId, why: 'cancelled', by: 'ann', at: moment(Date.now()) })
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect([await house.visits(), await house.besides()]).toEqual(['1 2 3 4', []])
})

test('over the data directory of another cluster nothing is put, be it the one that has the name now or one that had it', async () => {
  const { backupId } = await house.sealOfAnother()
  for (const nameIsOurs of [false, true]) {
    if (nameIsOurs) await house.seal()
    const { restoreId } = await house.command(cfg, { ...inPlace, backupId, goal: { to: 'end of backup' } })
    const [settled] = await at.settled(restoreId)
    expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_CLUSTER_UNFIT' } })
    expect(settled?.error?.facts.problem).toMatch(/another cluster lies there/)
    expect([await house.visits(), await house.besides()]).toEqual(['1 2 3 4', []])
  }
})
