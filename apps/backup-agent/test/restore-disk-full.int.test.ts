import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { mayMount, orNotRun } from '@lifeboat/testkit/conditions.ts'
import { onSmallDisk, type SmallDisk, smallDisk } from '@lifeboat/testkit/small-disk.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { atPhase } from './at-phase.ts'
import { type ClusterHouse, openClusterHouse, VISITS } from './cluster-house.ts'

import { openTreeHouse } from './tree-house.ts'

const canMount = orNotRun(mayMount(), 'full disks under restores', 'the right to mount')

describe.runIf(canMount)('a disk that fills up while something is brought back', () => {
  let house: ClusterHouse
  let server: SmallDisk
  let backupId: string
  let patients: number
  beforeAll(async () => {
    house = await openClusterHouse()
    server = await onSmallDisk(house.at.house.pg)
    const { at } = house
    // Far more than an empty database.
    await at.house.pg.query(
      'records',
      `insert into patient (name) select repeat('n', 80) from generate_series(1, ${MORE})`,
    )
    patients = await at.patients()
    backupId = await at.unproven()
    await at.house.pg.query('records', 'truncate patient')
  })
  afterAll(async () => {
    await house[Symbol.asyncDispose]()
    server[Symbol.dispose]()
  })

  const full = (of: string, path: string) => ({
    ...{ outcome: 'failed', swapped: false },
    error: {
      code: 'RECOVERY_DISK_FULL',
      hint: expect.stringContaining('neededBytes'),
      facts: { of, path, neededBytes: expect.any(Number), freeBytes: expect.any(Number) },
    },
  })
  const dump = () => ({ backupId, unproven: true })

  test.each([
    ['a dump', dump, 'restore', 12e6],
    ['tables', () => ({ ...dump(), kind: 'tables', tables: [PATIENT], into: { how: 'replace' } }), 'load', 500_000],
  ])("the server's, by %s", async (_, change, phase, bytes) => {
    const { at, dataDirectory } = house
    const cfg = house.config()
    await using _agent = await at.house.agent(
      cfg,
      atPhase(phase, () => server.leave(bytes)),
    )
    server.widen()
    // What the present database has not written yet must have its room.
    await at.house.pg.query('postgres', 'checkpoint')
    const before = [await at.patients(), await at.besides(), []]
    const { restoreId } = await at.command(cfg, change())
    const [settled] = await at.settled(restoreId)
    expect(settled).toMatchObject(full('the server', dataDirectory))
    // Nothing of ours is left, so what was there is there again.
    expect(settled?.error?.facts.freeBytes).toBeGreaterThan(bytes / 2)
    expect([await at.patients(), await at.besides(), await leftSchemas()]).toEqual(before)
    expect(at.house.pg.log()).not.toContain('PANIC')
    server.widen()
    const again = await at.command(cfg, change())
    expect(await at.settled(again.restoreId)).toMatchObject([{ outcome: 'done' }])
    expect(await at.patients()).toBe(patients)
  })

  test("the agent's own, by a dump", async () => {
    server.widen()
    const { at } = house
    const path = join(at.house.folder, 'small-spool')
    using disk = smallDisk(path)
    const cfg = { ...house.config(), spool: { ...house.config().spool, path } }
    await using _agent = await at.house.agent(
      cfg,
      atPhase('open', () => disk.leave(70_000)),
    )
    const besides = await at.besides()
    const { restoreId } = await at.command(cfg, dump())
    expect(await at.settled(restoreId)).toMatchObject([full('the archive meanwhile', expect.stringContaining(path))])
    expect([await at.besides(), readdirSync(join(path, 'restores')).filter((name) => !name.endsWith('.json'))]).toEqual(
      [besides, []],
    )
  })

  test.each(['extract', 'replay'])('that of the clusters beside, while it is at %s', async (phase) => {
    const { at } = house
    mkdirSync(house.clusters, { recursive: true })
    using disk = smallDisk(house.clusters)
    const cfg = house.config()
    await using _agent = await at.house.agent(
      cfg,
      atPhase(phase, () => disk.leave(0)),
    )
    const { restoreId } = await house.command(cfg)
    expect(await at.settled(restoreId)).toMatchObject([full('the cluster', house.clusters)])
    expect(readdirSync(house.clusters)).toEqual([])
    disk.widen()
    const again = await house.command(cfg)
    expect(await at.settled(again.restoreId)).toMatchObject([{ outcome: 'done' }])
    expect(await house.beside(VISITS)).toBe('1 2')
    const release = await house.command(cfg, { action: 'release', place: 'beside' })
    expect(await at.settled(release.restoreId)).toMatchObject([{ outcome: 'done' }])
  })

  test('that of a tree', async () => {
    await using trees = await openTreeHouse()
    const tree = trees.tree()
    using disk = smallDisk(tree.folder)
    tree.write({ 'a/large': 'x'.repeat(600_000), b: 'b' })
    const { backupId } = await tree.backup()
    tree.write({ b: 'changed' })
    const cfg = trees.config({ root: tree.root })
    await using _agent = await trees.at.house.agent(
      cfg,
      atPhase('restore', () => disk.leave(100_000)),
    )
    const { restoreId } = await trees.command(cfg, { backupId })
    const path = expect.stringContaining(tree.folder)
    expect(await trees.at.settled(restoreId)).toMatchObject([
      {
        ...{ outcome: 'failed', swapped: false },
        error: {
          code: 'RECOVERY_DISK_FULL',
          facts: { of: 'the new tree', path, neededBytes: expect.any(Number), freeBytes: expect.any(Number) },
        },
      },
    ])
    expect([tree.besides(), tree.contents().b]).toEqual([[], 'changed'])
  })

  async function leftSchemas() {
    const rows = await house.at.house.pg.query('records', `select nspname from pg_namespace where nspname ~ 'lifeboat'`)
    return rows.map(({ nspname }) => nspname)
  }
})

const MORE = 80_000
const PATIENT = { schema: 'public', name: 'patient' }
