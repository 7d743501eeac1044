import { mkdtemp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import { asideOf } from '@lifeboat/recovery/swap/aside-names.ts'
import { isThere } from '@lifeboat/recovery/swap/swap-places.ts'
import type { Delivery } from '@lifeboat/shared/bus/bus.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AgentConfig, DatabaseSource } from '../src/config.ts'
import { restoreOnCommand } from '../src/handlers/restore.ts'
import type { Entry } from '../src/restore/book.ts'
import { SOURCE } from './agent-house.ts'
import { PATIENTS, type ServedRestoreHouse, serveRestoreHouse } from './restore-house.ts'

let served: ServedRestoreHouse
let { at, cfg, agent } = {} as ServedRestoreHouse
beforeAll(async () => {
  served = await serveRestoreHouse()
  ;({ at, cfg, agent } = served)
})
afterAll(() => served?.[Symbol.asyncDispose]())
beforeEach(() => served.begin())

const AGAIN: Delivery = {
  ...{ attempt: 2, publishedAt: 0, signal: new AbortController().signal, log: silentLogger },
}
const HOOKS = { stop: 'good', start: 'good' }
const OLDER = '20260101t000000z'

/** A command as an earlier life of the agent left it in the book. */
async function left(how: Partial<Entry>, change: object = {}): Promise<RestoreOrder> {
  const order = await at.order(cfg, { hooks: HOOKS, ...change })
  const { restoreId, nonce } = order
  await agent.deps.restores.write({ restoreId, nonce, sourceId: SOURCE, who: ['ann'], stage: 'accepted', ...how })
  return order
}

/** Hands it out again, to an agent of this configuration. */
async function again(order: RestoreOrder, by: AgentConfig = cfg, delivery = AGAIN): Promise<void> {
  await restoreOnCommand({ ...agent.deps, cfg: by })(await at.wish(order), delivery)
}

function withSource(change: (source: DatabaseSource) => DatabaseSource | undefined): AgentConfig {
  const source = change(cfg.sources.get(SOURCE) as DatabaseSource)
  return { ...cfg, sources: new Map(source ? [[SOURCE, source]] : []) }
}

describe('a command whose source left the configuration since it was accepted', () => {
  const WITHOUT = {
    restore: () => withSource((source) => ({ ...source, restore: undefined })),
    all: () => withSource(() => undefined),
  }
  const stopped = { stage: 'stopping', stopped: true } as const
  test.each<[keyof typeof WITHOUT, string, Partial<Entry>, string[]]>([
    ['restore', 'RESTORE_NOT_SET_UP', {}, []],
    ['restore', 'RESTORE_NOT_SET_UP', stopped, ['start']],
    ['all', 'RESTORE_WRONG_HOST', { stage: 'ready' }, []],
  ])('is settled, and the service runs (%s gone: %s, %o)', async (gone, code, entry, hooks) => {
    const order = await left(entry)
    await again(order, WITHOUT[gone]())
    const [settled] = await at.settled(order.restoreId)
    const hint = expect.stringMatching(/./)
    expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code, hint } })
    expect([await at.hooksRan(), agent.deps.restores.open(SOURCE), await at.patients()]).toEqual([hooks, [], 0])
    const [last] = (await at.audited(order.restoreId)).slice(-1)
    expect(last).toMatchObject({ event: 'failed', sourceId: SOURCE, error: { code } })
  })

  test('is told again, when it was settled before', async () => {
    const settled = { agentId: cfg.agentId, outcome: 'done', swapped: true, at: moment(Date.now()) } as const
    const { restoreId } = await left({})
    const order = await left({ stage: 'settled', settled: { ...settled, restoreId } }, { restoreId })
    await again(order, WITHOUT.all())
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  })

  test('is not ended while nobody knows whether it was swapped', async () => {
    const order = await left({ stage: 'swapping', stopped: true })
    const [code, problem] = ['RESTORE_SWAP_UNKNOWN', 'RESTORE_NOT_SET_UP']
    await expect(again(order, WITHOUT.restore())).rejects.toMatchObject({ code, retry: 'later', facts: { problem } })
    await agent.deps.restores.write({
      ...(agent.deps.restores.byId(order.restoreId) as Entry),
      stage: 'ready',
      stopped: false,
    })
    await again(order)
    expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'done' }])
  })
})

describe('a command whose source became another kind since it was accepted', () => {
  const CHANGED = { outcome: 'failed', swapped: false, error: { code: 'RESTORE_SOURCE_CHANGED' } }
  const tree = (): AgentConfig => {
    const files = FilesSourceConfig.parse({ kind: 'files', agent: cfg.agentId, root: at.house.folder })
    return { ...cfg, sources: new Map([[SOURCE, { files }]]) }
  }

  test('ends with what is left of it, and the service runs', async () => {
    const order = await left({ stage: 'stopping', stopped: true })
    await again(order, tree())
    const [settled] = await at.settled(order.restoreId)
    expect(settled).toMatchObject(CHANGED)
    const beside = [`…_restoring_${order.restoreId.slice(-6)}`]
    expect(settled?.error?.facts).toMatchObject({ was: 'database', is: 'files', left: beside })
    expect([await at.hooksRan(), agent.deps.restores.open(SOURCE)]).toEqual([['start'], []])
  })

  const ROWS = { kind: 'tables', tables: [{ schema: 'public', name: 'patient' }], into: { how: 'replace' } }
  const CLUSTER = { kind: 'cluster', place: 'beside', goal: { to: 'latest' }, port: 5433 }
  test.each<[string, object, boolean, (begun: string, clusters: string) => string[] | undefined]>([
    ['tables of a dump', ROWS, true, (begun) => [begun]],
    [
      'tables as of a moment',
      { ...ROWS, goal: { to: 'latest' } },
      true,
      (begun, clusters) => [begun, join(clusters, `${SOURCE}.tables`)],
    ],
    ['a cluster beside', CLUSTER, true, (_, clusters) => [join(clusters, SOURCE)]],
    ['a cluster beside, whose folder left the configuration as well', CLUSTER, false, () => undefined],
  ])('names what may be left of %s', async (_, about, hasClusters, expected) => {
    const clusters = join(at.house.folder, 'clusters')
    const order = await left({ stage: 'ready' }, { hooks: {}, ...about })
    const restore = {
      ...(cfg.restore as NonNullable<AgentConfig['restore']>),
      clusters: hasClusters ? clusters : undefined,
    }
    await again(order, { ...tree(), restore })
    const [settled] = await at.settled(order.restoreId)
    expect(settled).toMatchObject(CHANGED)
    expect(settled?.error?.facts.left).toEqual(expected(`…_restoring_${order.restoreId.slice(-6)}`, clusters))
  })

  test.each<[Entry['stage'], boolean]>([
    ['accepted', false],
    ['ready', false],
    ['swapped', true],
  ])('leaves nothing of a tree beside, unless it may be what is in place (%s)', async (stage, stays) => {
    const folder = await mkdtemp(join(at.house.folder, 'app_restoring_'))
    const link = join(at.house.folder, `link-${stage}`)
    await symlink(folder, link)
    const order = await left({ stage, files: { folder, link } }, { kind: 'files', hooks: {} })
    await again(order)
    expect(await at.settled(order.restoreId)).toMatchObject([{ ...CHANGED, swapped: stays }])
    expect([await isThere(folder), await isThere(link)]).toEqual([stays, stays])
  })

  test('is not ended while nobody knows whether it was swapped', async () => {
    const order = await left({ stage: 'swapping', stopped: true })
    const facts = { problem: 'RESTORE_SOURCE_CHANGED' }
    await expect(again(order, tree())).rejects.toMatchObject({ code: 'RESTORE_SWAP_UNKNOWN', retry: 'later', facts })
    await agent.deps.restores.write({ ...(agent.deps.restores.byId(order.restoreId) as Entry), stage: 'ready' })
    await again(order)
    expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  })
})

describe('a command that an agent may not obey any more', () => {
  const nobody = (): AgentConfig => ({ ...cfg, restore: undefined })
  const onlyBen = (): AgentConfig => {
    if (!cfg.restore) throw new Error('the agent restores')
    const { ben = '' } = cfg.restore.operators
    return { ...cfg, restore: { ...cfg.restore, operators: { ben } } }
  }
  test.each([
    ['its `restore` is gone', nobody, 'RESTORE_NOT_SET_UP'],
    ['who signed it is no operator any more', onlyBen, 'RESTORE_STRANGER'],
  ])('is ended before it has stopped anything: %s', async (_, by, code) => {
    const order = await left({ stage: 'ready' })
    await expect(again(order, by())).rejects.toMatchObject({ code, retry: 'never' })
    expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'failed', swapped: false, error: { code } }])
    expect(agent.deps.restores.open(SOURCE)).toEqual([])
  })

  test('waits for whoever may, when it has stopped the service', async () => {
    const order = await left({ stage: 'stopping', stopped: true })
    const facts = { stage: 'stopping', problem: 'RESTORE_STRANGER' }
    await expect(again(order, onlyBen())).rejects.toMatchObject({ code: 'RESTORE_HALF_WAY', retry: 'later', facts })
    await again(order)
    expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
    expect(await at.hooksRan()).toEqual(['start', 'stop', 'start'])
  })
})

test('a message whose deliveries NATS has forgotten with its power is the one that was accepted, and no other is', async () => {
  const order = await left({ stage: 'stopping', stopped: true, publishedAt: 1_000 })
  const first = { ...AGAIN, attempt: 1 }
  const another = again(order, cfg, { ...first, publishedAt: 1_001 })
  await expect(another).rejects.toMatchObject({ code: 'RESTORE_REPLAYED' })
  expect(agent.deps.restores.byId(order.restoreId)).toMatchObject({ stage: 'stopping' })
  await again(order, cfg, { ...first, publishedAt: 1_000 })
  expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
})

test('a service that an earlier life stopped is started by one that is told to end while the server cannot be asked', async () => {
  const order = await left({ stage: 'ready', stopped: true })
  const away = withSource((source) => ({ ...source, restore: { ...(source.restore as SourceConnection), port: 1 } }))
  const signal = AbortSignal.abort(new LifeboatError('SERVICE_STOPPING'))
  await expect(again(order, away, { ...AGAIN, signal })).rejects.toMatchObject({ code: 'SERVICE_STOPPING' })
  expect(await at.hooksRan()).toEqual(['start'])
  expect(agent.deps.restores.byId(order.restoreId)).toMatchObject({ stage: 'ready', stopped: false })
  await again(order)
  expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
})

test('what a killed life left loading into the database beside is no hindrance for the next', async () => {
  const { pg } = at.house
  const order = await left({})
  const beside = `records_restoring_${order.restoreId.slice(-6)}`
  await pg.query('postgres', `create database "${beside}"`)
  const loading = pg.query(beside, 'select pg_sleep(3600)').catch(() => {})
  const sessions = `select from pg_stat_activity where datname = '${beside}'`
  await expect.poll(() => pg.query('postgres', sessions)).toHaveLength(1)
  await again(order)
  expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  await loading
})

describe('what an agent that died behind its stop hook would have put aside', () => {
  const stopping = (why: string) => ({ stage: 'stopping', stopped: true, aside: `records_${why}_${OLDER}` }) as const
  const sinceOf = (names: readonly string[]) => asideOf('records', names)[0]?.atMs

  test('is named for the time at which it is', async () => {
    const began = Date.now() - 1000
    await again(await left(stopping('before')))
    expect(await at.patients()).toBe(PATIENTS)
    expect(sinceOf(await at.besides())).toBeGreaterThan(began)
    expect(sinceOf(await at.besides())).toBeLessThanOrEqual(Date.now())
    const revert = await left({ ...stopping('reverted') }, { action: 'revert' })
    await again(revert)
    expect(await at.settled(revert.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
    expect(sinceOf(await at.besides())).toBeGreaterThan(began)
  })

  test('bears no name at all when it is gone meanwhile', async () => {
    await at.house.pg.query('postgres', 'drop database records with (force)')
    const order = await left(stopping('before'))
    await again(order)
    const [settled] = await at.settled(order.restoreId)
    expect(settled).toMatchObject({ outcome: 'done', swapped: true })
    expect([settled?.aside, await at.patients(), await at.besides()]).toEqual([undefined, PATIENTS, []])
  })
})
