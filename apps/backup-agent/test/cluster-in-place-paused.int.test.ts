import { RestorePlanned, RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment, newRestoreId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { SOURCE } from './agent-house.ts'
import { HOOKS, type ServedClusterHouse, serveClusterHouse, VISITS } from './cluster-house.ts'
import { killServerIn } from './kill-server.ts'

let { house, at, cfg, agent } = {} as ServedClusterHouse
beforeAll(async () => {
  ;({ house, at, cfg, agent } = await serveClusterHouse())
})
afterEach(async () => {
  // Back to where every test begins.
  await obeyed(AWAY)
  if ((await house.visits()) !== '1 2 3 4') await obeyed({ action: 'revert', hooks: HOOKS })
  await obeyed({ action: 'release', place: 'in place' })
})
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

const PAUSED = { place: 'in place', pause: true }
const INTO_PLACE = { action: 'promote', place: 'in place', hooks: HOOKS }
const AWAY = { action: 'release', place: 'beside' }

const obeyed = async (change: object) => (await at.settled((await house.command(cfg, change)).restoreId))[0]
const waiting = () => `${house.dataDirectory}_beside`

test('in place with a look first: it stands still while the server goes on, is moved, and takes the place when it is promoted', async () => {
  const { restoreId } = await house.command(cfg, PAUSED)
  const [settled] = await at.settled(restoreId)
  expect(settled?.error).toBeUndefined()
  expect(settled).toMatchObject({
    ...{ outcome: 'done', swapped: false },
    cluster: { place: 'in place', state: 'paused', reach: { folder: waiting(), port: house.port } },
  })
  expect([await house.beside(VISITS), await house.visits()]).toEqual(['1 2', '1 2 3 4'])
  await expect(house.beside('insert into visit values (9)')).rejects.toThrow()
  const what = { place: 'in place', pause: true, goal: { to: 'time', time: house.between } }
  expect(await at.audited(restoreId)).toMatchObject(['accepted', 'done'].map((event) => ({ event, ...what })))

  expect(await obeyed({ action: 'move', goal: { to: 'name', name: 'later' } })).toMatchObject({
    cluster: { place: 'in place', state: 'paused' },
  })
  expect([await house.beside(VISITS), await house.visits()]).toEqual(['1 2 3', '1 2 3 4'])

  const promoted = await house.command(cfg, INTO_PLACE)
  expect(await at.settled(promoted.restoreId)).toMatchObject([
    {
      ...{ outcome: 'done', swapped: true, aside: expect.stringMatching(/_before_/) },
      cluster: { place: 'in place', state: 'promoted', dataDirectory: house.dataDirectory, recovered: { timeline: 1 } },
    },
  ])
  const events = (await at.audited(promoted.restoreId)).map(({ event, action, place }) => ({ event, action, place }))
  expect(events).toEqual(
    ['accepted', 'swapped', 'done'].map((event) => ({ event, action: 'promote', place: 'in place' })),
  )
  expect([await house.visits(), await house.besides()]).toEqual(['1 2 3', [expect.stringMatching(/_before_/)]])
  await expect(house.beside(VISITS)).rejects.toThrow()
})

test('a plan of it wants no hooks yet, and says where it stands, what it waits for and where the present data directory goes', async () => {
  const restoreId = newRestoreId(Date.now())
  const goal = { to: 'time', time: house.between } as const
  const about = { restoreId, agentId: cfg.agentId, sourceId: SOURCE, unproven: false, requestedAt: moment(Date.now()) }
  const cluster = { place: 'in place', pause: true, goal, port: house.port } as const
  await at.house.bus.publish(RestorePlanRequested, { ...about, targets: ['south'] as TargetId[], hooks: {}, cluster })
  const { plan, error } = await at.house.fact(RestorePlanned, (fact) => fact.restoreId === restoreId)
  expect(error).toBeUndefined()
  expect(plan).toMatchObject({
    obstacles: [],
    cluster: { place: 'in place', pause: true, port: house.port, aside: expect.stringMatching(/_before_<when>$/) },
    notes: expect.arrayContaining([
      expect.stringMatching(/^It stands still/),
      expect.stringMatching(/promote SOURCE --in-place/),
    ]),
  })
  expect(await house.besides()).toEqual([])
})

test('thrown away, it leaves nothing, and production knows nothing of it', async () => {
  expect(await obeyed(PAUSED)).toMatchObject({ outcome: 'done' })
  expect(await obeyed({ action: 'release', place: 'in place' })).toMatchObject({
    error: { code: 'RECOVERY_NOTHING_ASIDE' },
  })
  expect(await obeyed(AWAY)).toMatchObject({ outcome: 'done', dropped: [waiting()] })
  expect([await house.visits(), await house.besides()]).toEqual(['1 2 3 4', []])
  expect(await obeyed(INTO_PLACE)).toMatchObject({ outcome: 'failed', error: { code: 'RESTORE_NOTHING_BESIDE' } })
})

test('where the server does not stop, it stands beside again, promoted, and the next try takes the place', async () => {
  expect(await obeyed(PAUSED)).toMatchObject({ outcome: 'done' })
  const idle = await obeyed({ ...INTO_PLACE, hooks: { stop: 'good', start: 'good' } })
  expect(idle).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_STILL_RUNNING' } })
  expect(await house.beside('select pg_is_in_recovery()::text as answer')).toBe('false')
  expect([await house.visits(), await house.besides()]).toEqual(['1 2 3 4', ['data_beside']])
  expect(await obeyed(INTO_PLACE)).toMatchObject({ outcome: 'done', swapped: true })
  expect(await house.visits()).toBe('1 2')
})

test('a promotion into the place that is cancelled before the swap changes nothing, and what was promoted stands beside', async () => {
  expect(await obeyed(PAUSED)).toMatchObject({ outcome: 'done' })
  await at.hooksRan()
  const { restoreId } = await house.command(cfg, { ...INTO_PLACE, hooks: { stop: 'waiting', start: 'good' } })
  await until(at.hooksRan, (ran) => ran.length > 0)
  await at.cancel(restoreId, agent)
  await at.letGo()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect([await house.beside(VISITS), await house.visits()]).toEqual(['1 2', '1 2 3 4'])
  expect(await house.besides()).toEqual(['data_beside'])
})

test('found down, it is started again with its agent', async () => {
  expect(await obeyed(PAUSED)).toMatchObject({ outcome: 'done' })
  await agent[Symbol.asyncDispose]()
  expect(await house.beside(VISITS)).toBe('1 2')
  await killServerIn(`${waiting()}/data`)
  agent = await at.house.agent(cfg)
  await expect.poll(() => house.beside(VISITS).catch(() => undefined)).toBe('1 2')
  expect(await house.visits()).toBe('1 2 3 4')
})

test('at the end of the WAL it is promoted, waits all the same, and takes the place on a timeline newer than whatever had it meanwhile', async () => {
  expect(await obeyed({ ...PAUSED, goal: { to: 'latest' } })).toMatchObject({
    cluster: { place: 'in place', state: 'promoted' },
  })
  expect(await house.beside(VISITS)).toBe('1 2 3 4')
  const { place } = INTO_PLACE
  expect(await obeyed({ place, port: undefined, hooks: HOOKS })).toMatchObject({ outcome: 'done', swapped: true })
  expect(await house.visits()).toBe('1 2')
  // The archive knows of neither promotion, so both took the same number.
  const taken = await timeline()
  expect(await obeyed(INTO_PLACE)).toMatchObject({ outcome: 'done', swapped: true })
  expect(await house.visits()).toBe('1 2 3 4')
  expect(await timeline()).toBeGreaterThan(taken)
})

async function timeline(): Promise<number> {
  const sql = 'select timeline_id as timeline from pg_control_checkpoint()'
  return (await at.house.pg.query('records', sql))[0].timeline
}

test('what was recovered to stay beside is not put in place, and there is one of the two', async () => {
  expect(await obeyed({})).toMatchObject({ outcome: 'done', cluster: { place: 'beside' } })
  const unfit = { outcome: 'failed', swapped: false, error: { code: 'RESTORE_CLUSTER_UNFIT' } }
  expect(await obeyed({ ...PAUSED, port: await freePort() })).toMatchObject(unfit)
  expect(await obeyed(INTO_PLACE)).toMatchObject(unfit)
  expect([await house.beside(VISITS), await house.visits()]).toEqual(['1 2', '1 2 3 4'])
  expect(await obeyed(AWAY)).toMatchObject({ outcome: 'done' })
  expect(await obeyed(PAUSED)).toMatchObject({ outcome: 'done' })
  expect(await obeyed({ port: await freePort() })).toMatchObject(unfit)
  expect([await house.beside(VISITS), await house.besides()]).toEqual(['1 2', ['data_beside']])
})

test('without hooks that stop and start the server it is not promoted into its place', async () => {
  expect(await obeyed({ ...INTO_PLACE, hooks: {} })).toMatchObject({
    outcome: 'refused',
    error: { code: 'RESTORE_HOOKS_WANTED' },
  })
})
