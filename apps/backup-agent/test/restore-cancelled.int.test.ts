import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@lifeboat/testkit/eventually.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import { atPhase } from './at-phase.ts'
import { type ClusterHouse, openClusterHouse } from './cluster-house.ts'
import type { RestoreHouse } from './restore-house.ts'
import { openTreeHouse, type TreeHouse } from './tree-house.ts'

/** It holds a restore before its swap until it is let go: whenever the cancel is heard, it is heard in time. */
const HELD = { stop: 'waiting', start: 'good' }
const TABLES = {
  ...{ kind: 'tables', tables: [{ schema: 'public', name: 'patient' }], into: { how: 'replace' } },
}
const CANCELLED = [{ outcome: 'cancelled', swapped: false, cancelledBy: 'ann', error: { code: 'RUN_CANCELLED' } }]

describe('a restore that is cancelled leaves nothing and changes nothing, and the service runs:', () => {
  let house: ClusterHouse
  beforeAll(async () => {
    house = await openClusterHouse()
    await house.at.lose()
  })
  afterAll(() => house[Symbol.asyncDispose]())

  const dump = () => ({ backupId: house.at.backupId, hooks: HELD })

  test.each([
    ...['look', 'open', 'restore', 'check', 'analyze', 'stop hook'].map((phase) => ['a dump', phase, dump] as const),
    ...['look', 'open', 'fetch', 'restore', 'measure', 'load', 'check', 'compare', 'stop hook'].map(
      (phase) => ['tables', phase, () => ({ ...dump(), ...TABLES })] as const,
    ),
  ])('%s, at %s', async (_, phase, change) => {
    const { at } = house
    await cancelledAt(phase, at, house.config(), (cfg) => at.command(cfg, change()))
    expect([await at.patients(), await at.besides(), await schemas(at)]).toEqual([0, [], []])
    expect((await at.hooksRan()).at(-1)).not.toBe('stop')
  })

  test.each([
    ['a dump', 'select pg_sleep(3600)', dump],
    [
      'tables',
      'begin; lock table patient in access share mode; select pg_sleep(3600)',
      () => ({ ...dump(), ...TABLES }),
    ],
  ])('%s, while it waits for sessions or locks', async (_, sql, change) => {
    const { at } = house
    const { pg } = at.house
    const ended = pg.query('records', sql).catch(() => {})
    const sessions = `from pg_stat_activity where datname = 'records' and query ~ 'pg_sleep'`
    await until(
      () => pg.query('postgres', `select pid ${sessions}`),
      ({ length }) => length > 0,
    )
    const hooks = { stop: 'good', start: 'good' }
    await cancelledAt('swap', at, house.config(), (cfg) => at.command(cfg, { ...change(), hooks, drainMs: 600_000 }))
    await pg.query('postgres', `select pg_terminate_backend(pid) ${sessions}`)
    await ended
    expect([await at.patients(), await at.besides(), await schemas(at)]).toEqual([0, [], []])
    expect(await at.hooksRan()).toEqual(['stop', 'start'])
  })

  test.each(['look', 'extract', 'verify', 'replay', 'stop hook'])('a cluster in place, at %s', async (phase) => {
    const { at } = house
    await cancelledAt(phase, at, house.config(), (cfg) =>
      house.command(cfg, { place: 'in place', port: undefined, hooks: HELD }),
    )
    expect([await house.visits(), await house.besides()]).toEqual(['1 2 3 4', []])
    expect((await at.hooksRan()).at(-1)).not.toBe('stop')
  })

  test('behind the swap it comes to its end all the same', async () => {
    const { at } = house
    let begun = () => {}
    const starting = new Promise<void>((resolve) => {
      begun = resolve
    })
    const cfg = house.config()
    await using agent = await at.house.agent(cfg, atPhase('start hook', begun))
    const { restoreId } = await at.command(cfg, { ...dump(), hooks: { stop: 'good', start: 'waiting' } })
    await starting
    await at.cancel(restoreId, agent)
    await at.letGo()
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  })
})

describe('a tree that is cancelled leaves nothing and changes nothing:', () => {
  let trees: TreeHouse
  beforeAll(async () => {
    trees = await openTreeHouse()
  })
  afterAll(() => trees[Symbol.asyncDispose]())

  test.each(['look', 'restore', 'post hook', 'stop hook'])('at %s', async (phase) => {
    const tree = trees.tree()
    tree.write({ 'a/b': 'before' })
    const { backupId } = await tree.backup()
    tree.write({ 'a/b': 'changed' })
    const cfg = trees.config({ root: tree.root })
    await cancelledAt(phase, trees.at, cfg, (cfg) =>
      trees.command(cfg, { backupId, hooks: { ...HELD, post: 'build' } }),
    )
    expect([tree.besides(), tree.contents()]).toEqual([[], { 'a/b': 'changed' }])
    expect((await trees.at.hooksRan()).at(-1)).not.toBe('stop')
  })
})

async function cancelledAt(
  phase: string,
  at: RestoreHouse,
  cfg: AgentConfig,
  command: (cfg: AgentConfig) => Promise<{ restoreId: string }>,
): Promise<void> {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  await using agent = await at.house.agent(cfg, atPhase(phase, begin))
  const { restoreId } = await command(cfg)
  // One that is refused never comes so far.
  expect(await Promise.race([begun, at.settled(restoreId)])).toBeUndefined()
  await at.cancel(restoreId, agent)
  await at.letGo()
  expect(await at.settled(restoreId)).toMatchObject(CANCELLED)
  // Of a hook that never ran.
  await rm(join(at.house.folder, 'hooks.log.go'), { force: true })
}

async function schemas(at: RestoreHouse) {
  return at.house.pg.query('records', `select nspname from pg_namespace where nspname ~ '^lifeboat_'`)
}
