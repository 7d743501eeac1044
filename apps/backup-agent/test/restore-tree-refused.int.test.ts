import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { FilesFacts } from '@lifeboat/shared/domain/manifest.ts'
import { isRoot, orNotRun } from '@lifeboat/testkit/conditions.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { hostileArchive } from '@lifeboat/testkit/hostile-archive.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTreeHouse, type TreeHouse } from './tree-house.ts'

let house: TreeHouse
let at: TreeHouse['at']
beforeAll(async () => {
  house = await openTreeHouse()
  at = house.at
})
afterAll(() => house?.[Symbol.asyncDispose]())

test('a stop hook that fails leaves the tree as it was, and the service is started again', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  tree.write({ a: 'now' })
  await using agent = await house.agent(tree)
  expect(await agent.restore({ backupId, hooks: { stop: 'failing', start: 'good' } })).toMatchObject([
    { outcome: 'failed', swapped: false, error: { code: 'RESTORE_HOOK_FAILED' } },
  ])
  expect([tree.contents(), tree.besides(), await at.hooksRan()]).toEqual([{ a: 'now' }, [], ['stop', 'start']])
})

test('cancelled before the swap nothing has changed', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  tree.write({ a: 'now' })
  await using agent = await house.agent(tree)
  const { restoreId } = await house.command(agent.cfg, { backupId, hooks: { stop: 'waiting', start: 'good' } })
  await until(at.hooksRan, (ran) => ran.length > 0)
  await at.cancel(restoreId, agent)
  await at.letGo()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect([tree.contents(), tree.besides(), await at.hooksRan()]).toEqual([{ a: 'now' }, [], ['start']])
})

describe('nothing takes the place of production that', () => {
  test('would leave the tree', async () => {
    const tree = house.tree()
    const outside = join(tree.folder, 'outside')
    const archive = hostileArchive([
      { name: './', type: '5', mode: 0o755 },
      { name: './way', type: '2', linksTo: tree.folder },
      { name: './way/outside', contents: 'out' },
    ])
    const { backupId } = await tree.backup({ archives: [archive] })
    await using agent = await house.agent(tree)
    const [settled] = await agent.restore({ backupId })
    expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_FILES_UNLIKE' } })
    expect(settled?.error?.facts.problem).toContain('1 members were refused: ./way/outside: ')
    expect([existsSync(outside), tree.besides()]).toEqual([false, []])
  })

  const canOwn = orNotRun(isRoot, 'a tree with another owner than its list says', 'root')
  test.for([
    ['other contents', /("sha256":")..../g, '$1ffff', /has other contents/],
    ['another mode', /"mode":420/g, '"mode":292', /has mode 644 instead of 444/],
    ['another owner', /"uid":0/g, '"uid":7', /have another owner/],
  ] as const)('has %s than the list of what was archived', async ([unlike, what, instead, words], { skip }) => {
    if (unlike === 'another owner') skip(!canOwn, 'only root sees to owners')
    const tree = house.tree()
    tree.write({ a: 'a' })
    chmodSync(join(tree.root, 'a'), 0o644)
    const { backupId } = await tree.backup({ spoilList: (list) => list.replace(what, instead) })
    tree.write({ a: 'now' })
    await using agent = await house.agent(tree)
    const [settled] = await agent.restore({ backupId })
    expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_FILES_UNLIKE' } })
    expect(settled?.error?.facts.problem).toMatch(words)
    expect([tree.contents(), tree.besides()]).toEqual([{ a: 'now' }, []])
  })

  test('no drill has proven, unless the operator signed for that', async () => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    const { backupId } = await tree.backup({ unproven: true })
    await using agent = await house.agent(tree)
    expect(await agent.restore({ backupId })).toMatchObject([{ swapped: false, error: { code: 'RECOVERY_UNPROVEN' } }])
    expect(await agent.restore({ backupId, unproven: true })).toMatchObject([{ outcome: 'done' }])
  })

  test('lacks what it is built on', async () => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    const parent = await tree.backup()
    const gone = { ...parent, backupId: parent.backupId.replace(/.{6}$/, 'gone00') } as typeof parent
    const { backupId } = await tree.backup({ parent: gone })
    await using agent = await house.agent(tree)
    expect(await agent.restore({ backupId })).toMatchObject([
      { swapped: false, error: { code: 'RECOVERY_PARENT_MISSING' } },
    ])
  })
})

test('a disk that is too small is told before the first byte', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup({
    change: (manifest) => ({ ...manifest, files: { ...(manifest.files as FilesFacts), bytes: 10 ** 15 } }),
  })
  await using agent = await house.agent(tree)
  expect((await agent.plan({ backupId })).plan?.obstacles).toMatchObject([{ code: 'RECOVERY_NO_ROOM' }])
  const { restoreId } = await house.command(agent.cfg, { backupId })
  expect(await at.settled(restoreId)).toMatchObject([{ swapped: false, error: { code: 'RECOVERY_NO_ROOM' } }])
  expect((await at.audited(restoreId)).map(({ event }) => event)).toEqual(['accepted', 'failed'])
  expect(tree.besides()).toEqual([])
})

test('a command about a database is refused where the source is a tree of files', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  await using agent = await house.agent(tree)
  expect(await agent.restore({ backupId, kind: 'database' })).toMatchObject([
    { outcome: 'refused', error: { code: 'RESTORE_WRONG_HOST' } },
  ])
})
