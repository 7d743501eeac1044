import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { asideOf } from '@lifeboat/recovery/swap/aside-names.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { restoreOnCommand } from '../src/handlers/restore.ts'
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

test('what is put aside is named for the time at which that happens', async () => {
  const { binDir } = at.house.pg
  const tools = join(at.house.folder, 'slow-tools')
  await mkdir(tools)
  for (const name of await readdir(binDir)) await symlink(join(binDir, name), join(tools, name))
  const seen = join(at.house.folder, 'seen')
  await writeFile(seen, '', { mode: 0o666 })
  await rm(join(tools, 'pg_controldata'))
  const slow = `#!/bin/sh\nsleep 1.5; date +%s >> "${seen}"; exec "${binDir}/pg_controldata" "$@"\n`
  await writeFile(join(tools, 'pg_controldata'), slow, { mode: 0o755 })
  const other = { ...house.config(), toolPaths: [tools] }
  await using _agent = await at.house.agent(other)
  const [settled] = await at.settled((await house.command(other, inPlace)).restoreId)
  expect(settled).toMatchObject({ outcome: 'done', swapped: true })
  const recovered = Number((await readFile(seen, 'utf8')).trim().split('\n').at(-1)) * 1000
  const [aside] = asideOf(basename(house.dataDirectory), [basename(String(settled?.aside))])
  expect(aside?.atMs).toBeGreaterThanOrEqual(recovered)
})

/** A command as an agent left it in the book that died behind its stop hook. */
async function left(change: object): Promise<RestoreOrder> {
  const order = await house.order(cfg, change)
  const { restoreId, nonce, sourceId } = order
  const aside = `${house.dataDirectory}_before_20260101t000000z`
  const stopping = { stage: 'stopping', stopped: true, aside } as const
  await agent.deps.restores.write({ restoreId, nonce, sourceId, who: ['ann'], ...stopping })
  return order
}

/** Hands it out again. */
async function again(order: RestoreOrder, signal = new AbortController().signal): Promise<void> {
  const delivery = { attempt: 2, publishedAt: 0, signal, log: silentLogger }
  await restoreOnCommand(agent.deps)(await at.wish(order), delivery)
}

test('so is what an agent that died behind its stop hook had named already', async () => {
  const order = await left(inPlace)
  const began = Date.now() - 1000
  await again(order)
  const [settled] = await at.settled(order.restoreId)
  expect(settled).toMatchObject({ outcome: 'done', swapped: true })
  const [named] = asideOf(basename(house.dataDirectory), [basename(String(settled?.aside))])
  expect(named?.atMs).toBeGreaterThan(began)
  expect(await house.besides()).toEqual([named?.name])
})

/** Nothing of what an earlier life recovered is there any more, and these hooks do nothing but say that they ran. */
const TELLING = { ...inPlace, hooks: { stop: 'good', start: 'good' } }

test('the server does not stand still while a later life recovers a cluster anew, and what that begins is not taken for whole by the one after it', async () => {
  const order = await left(TELLING)
  await at.hooksRan()
  const code = 'SERVICE_STOPPING'
  await expect(again(order, AbortSignal.abort(new LifeboatError(code)))).rejects.toMatchObject({ code })
  expect(agent.deps.restores.byId(order.restoreId)).toMatchObject({ stage: 'accepted', stopped: false })
  await again(await left({ ...TELLING, restoreId: order.restoreId, nonce: order.nonce }))
  expect(await at.settled(order.restoreId)).toMatchObject([{ error: { code: 'RESTORE_STILL_RUNNING' } }])
  expect(await at.hooksRan()).toEqual(['start', 'start', 'stop', 'start'])
})

test('two restores within a second put aside two clusters, and neither is taken for the other', async () => {
  const nowMs = Date.now()
  const deps = { ...agent.deps, clock: { ...agent.deps.clock, now: () => nowMs } }
  for (const goal of [{ to: 'time', time: house.between }, { to: 'latest' }]) {
    const order = await house.order(cfg, { ...inPlace, goal })
    const { signal } = new AbortController()
    await restoreOnCommand(deps)(await at.wish(order), { attempt: 1, publishedAt: nowMs, signal, log: silentLogger })
    expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  }
  expect([await house.visits(), (await house.besides()).length]).toEqual(['1 2 3 4', 2])
})

test('a cluster that was put aside and runs is neither put back nor removed', async () => {
  expect(await at.settled((await house.command(cfg, inPlace)).restoreId)).toMatchObject([{ outcome: 'done' }])
  const [aside] = (await house.besides()) as [string]
  // Started by hand, by another path than its own.
  const way = join(at.house.folder, 'another-way')
  await symlink(join(dirname(house.dataDirectory), aside), way)
  const { binDir, socketDir } = at.house.pg
  const options = `-p ${await freePort()} -c listen_addresses='' -c unix_socket_directories=${socketDir}`
  const by = (...args: string[]) => {
    const { uid, gid } = serverAccount()
    execFileSync(join(binDir, 'pg_ctl'), ['-D', way, '-w', '-l', join(socketDir, 'aside.log'), ...args], {
      uid,
      gid,
      cwd: '/',
    })
  }
  by('-o', options, 'start')
  try {
    const running = { outcome: 'failed', swapped: false, error: { code: 'RESTORE_STILL_RUNNING' } }
    const revert = await house.command(cfg, { action: 'revert', hooks: HOOKS })
    expect(await at.settled(revert.restoreId)).toMatchObject([running])
    const release = await house.command(cfg, { action: 'release', place: 'in place' })
    expect(await at.settled(release.restoreId)).toMatchObject([running])
    expect([await house.visits(), await house.besides(), await at.hooksRan()]).toEqual(['1 2', [aside], []])
  } finally {
    by('-m', 'fast', 'stop')
  }
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
  await at.hooksRan()
  const { restoreId } = await house.command(cfg, { ...inPlace, hooks: { stop: 'waiting', start: 'good' } })
  await until(at.hooksRan, (ran) => ran.length > 0)
  await at.cancel(restoreId, agent)
  await at.letGo()
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
