import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nextSecond, openTreeHouse, type TreeHouse } from './tree-house.ts'

let house: TreeHouse
let at: TreeHouse['at']
beforeAll(async () => {
  house = await openTreeHouse()
  at = house.at
})
afterAll(() => house?.[Symbol.asyncDispose]())

describe('a plan', () => {
  test('tells copy, place, room, hooks and loss, takes the state of a time, and touches nothing', async () => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    await nextSecond()
    const first = await tree.backup()
    await nextSecond()
    const second = await tree.backup({ unproven: true })
    await using agent = await house.agent(tree, { exclude: ['node_modules'] })
    const { plan, error } = await agent.plan({ hooks: { post: 'build', stop: 'nobody' } })
    expect(error).toBeUndefined()
    expect(plan).toMatchObject({
      ...{ backup: { backupId: first.backupId }, targetId: 'south', drillMs: 1234, sessions: [] },
      files: { root: tree.root, swap: 'folder', members: 2, chain: [{ backupId: first.backupId }] },
      hooks: [
        { on: 'post', name: 'build', command: ['/bin/sh', expect.any(String), 'ok'] },
        { on: 'stop', name: 'nobody' },
      ],
      obstacles: [{ code: 'RESTORE_HOOK_UNKNOWN' }],
      disks: [{ of: 'the new tree', path: tree.folder }],
      loss: { until: first.snapshotAt, sentence: expect.stringContaining('is not in it') },
      notes: [
        expect.stringContaining(`not proven, so passed over: ${second.backupId}`),
        expect.stringContaining('node_modules'),
      ],
    })
    const newest = await agent.plan({ unproven: true })
    expect(newest.plan?.files?.chain.map(({ backupId }) => backupId)).toEqual([first.backupId, second.backupId])
    const then = await agent.plan({ unproven: true, before: first.snapshotAt })
    expect(then.plan?.backup.backupId).toBe(first.backupId)
    const never = await agent.plan({ before: moment(0) })
    expect(never.error).toMatchObject({ code: 'RECOVERY_BEFORE_WINDOW' })
    expect([tree.contents(), tree.besides(), await at.hooksRan()]).toEqual([{ a: 'a' }, [], []])
  })

  test('takes the newest state that any target has', async () => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    const first = await tree.backup()
    const [south, north] = ['south', 'north'].map((name) => join(at.house.folder, 'targets', name)) as [string, string]
    cpSync(south, north, { recursive: true })
    await nextSecond()
    const second = await tree.backup()
    await using lending = await at.lend([at.targets.north, at.targets.south])
    await using agent = await house.agent(tree, {}, { uploaders: [`http://127.0.0.1:${lending.port}`] })
    const both = { targets: ['north', 'south'] }
    expect((await agent.plan(both)).plan).toMatchObject({ targetId: 'south', backup: { backupId: second.backupId } })
    const then = await agent.plan({ ...both, before: first.snapshotAt })
    expect(then.plan).toMatchObject({ targetId: 'north', backup: { backupId: first.backupId } })
  })

  test('says that what is mounted cannot be swapped', async () => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    const { backupId } = await tree.backup()
    await using agent = await house.agent(tree, { root: '/dev/shm' })
    const { plan } = await agent.plan({ backupId })
    expect(plan?.obstacles[0]).toMatchObject({
      ...{ code: 'RESTORE_FILES_UNFIT', facts: { problem: expect.stringMatching(/^\/dev\/shm is mounted/) } },
    })
  })
})
