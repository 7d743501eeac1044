import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { isRoot } from '@lifeboat/testkit/conditions.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { described } from './files-house.ts'
import { nextSecond, openTreeHouse, type TreeHouse } from './tree-house.ts'

let house: TreeHouse
let at: TreeHouse['at']
beforeAll(async () => {
  house = await openTreeHouse()
  at = house.at
})
afterAll(() => house?.[Symbol.asyncDispose]())

const HOOKS = { stop: 'good', start: 'good', ready: 'good' }
test('a tree comes back on a signed command; it can be undone and let go; all of it is written down', async () => {
  const tree = house.tree()
  tree.write({ 'index.js': 'good', 'lib/a.js': 'a' })
  const { backupId } = await tree.backup()
  tree.write({ 'index.js': 'broken', 'lib/new.js': 'new' })
  await using agent = await house.agent(tree)
  const { cfg } = agent
  const { restoreId } = await house.command(cfg, { backupId, hooks: HOOKS })
  const [settled] = await at.settled(restoreId)
  expect(settled?.error).toBeUndefined()
  const aside = expect.stringMatching(/\/app_before_\d{8}t\d{6}z$/)
  const changes = {
    removed: { count: 1, paths: ['./lib/new.js'] },
    changed: { count: 1, paths: ['./index.js: contents'] },
    added: { count: 0 },
  }
  expect(settled).toMatchObject({ outcome: 'done', swapped: true, aside, files: { files: 2, changes } })
  expect(tree.contents()).toEqual({ 'index.js': 'good', 'lib/a.js': 'a' })
  const hooks = ['stop', 'start', 'ready']
  expect([tree.besides(), await at.hooksRan()]).toEqual([[expect.stringMatching(/_before_/)], hooks])
  const about = { who: ['ann'], why: 'a test', action: 'restore', backupId, root: tree.root }
  expect(await at.audited(restoreId)).toMatchObject(
    ['accepted', 'compared', 'swapped', 'done'].map((event) => ({ event, ...about })),
  )

  expect(await agent.restore({ action: 'revert', hooks: HOOKS })).toMatchObject([{ outcome: 'done', swapped: true }])
  expect(tree.contents()).toMatchObject({ 'index.js': 'broken', 'lib/new.js': 'new' })
  expect([tree.besides(), await at.hooksRan()]).toEqual([[expect.stringMatching(/_reverted_/)], hooks])
  expect(await agent.restore({ action: 'release' })).toMatchObject([
    { outcome: 'done', dropped: [expect.stringMatching(/_reverted_/)] },
  ])
  const nothing = { outcome: 'failed', swapped: false, error: { code: 'RECOVERY_NOTHING_ASIDE' } }
  expect(await agent.restore({ action: 'revert' })).toMatchObject([nothing])
  expect(tree.besides()).toEqual([])
})

test('out of a chain the tree of its last backup comes back: owners, modes, links, deletions, renamed folders', async () => {
  const tree = house.tree()
  tree.write({ 'a/same': 'same', 'a/b/moves': 'moves', gone: 'gone', changes: 'old', private: 'key' })
  chmodSync(join(tree.root, 'private'), 0o600)
  symlinkSync('/etc/hostname', join(tree.root, 'outside'))
  if (isRoot) chownSync(join(tree.root, 'private'), 1234, 4321)
  await tree.backup({ unproven: true })
  await nextSecond()
  rmSync(join(tree.root, 'gone'))
  renameSync(join(tree.root, 'a/b'), join(tree.root, 'renamed'))
  tree.write({ changes: 'new' })
  await tree.backup({ unproven: true })
  await nextSecond()
  tree.write({ last: 'last' })
  const { backupId, files } = await tree.backup()
  expect(files?.chain).toBe(2)
  const before = described(tree.root)
  tree.write({ changes: 'broken', 'a/same': 'broken' })
  rmSync(join(tree.root, 'outside'))
  await using agent = await house.agent(tree)
  const { plan } = await agent.plan({ backupId })
  expect(plan?.files?.chain).toHaveLength(3)
  expect(await agent.restore({ backupId })).toMatchObject([{ outcome: 'done', swapped: true }])
  expect(described(tree.root)).toBe(before)
})

test('where root is a link it is pointed elsewhere, and to where it led by a revert; what a deployment made stays', async () => {
  const tree = house.tree()
  const releases = join(tree.folder, 'releases')
  mkdirSync(releases)
  tree.write({ 'index.js': 'good' })
  renameSync(tree.root, join(releases, '41'))
  symlinkSync('releases/41', tree.root)
  const { backupId } = await tree.backup()
  tree.write({ 'index.js': 'broken' })
  await using agent = await house.agent(tree)
  expect((await agent.plan({ backupId })).plan?.files).toMatchObject({ swap: 'link', root: tree.root })
  const [settled] = await agent.restore({ backupId })
  expect(settled).toMatchObject({ outcome: 'done', swapped: true, aside: expect.stringMatching(/app_before_/) })
  expect([tree.contents(), tree.contents(join(releases, '41'))]).toEqual([
    { 'index.js': 'good' },
    { 'index.js': 'broken' },
  ])
  expect(readlinkSync(tree.root)).toMatch(/^releases\/41_restored_[0-9a-f]{6}$/)

  expect(await agent.restore({ action: 'revert' })).toMatchObject([{ outcome: 'done' }])
  expect(readlinkSync(tree.root)).toBe('releases/41')
  // Twice, one on top of the other: the name does not grow.
  for (let i = 0; i < 2; i++) expect(await agent.restore({ backupId })).toMatchObject([{ outcome: 'done' }])
  const live = readlinkSync(tree.root)
  expect(live).toMatch(/^releases\/41_restored_[0-9a-f]{6}$/)
  expect(await agent.restore({ action: 'release' })).toMatchObject([{ outcome: 'done' }])
  expect([readdirSync(releases), tree.besides()]).toEqual([['41', basename(live)], []])
  expect([tree.contents(), tree.contents(join(releases, '41'))]).toEqual([
    { 'index.js': 'good' },
    { 'index.js': 'broken' },
  ])
})

test('what was archived by name is put in place by name, and the rest of the folder is left alone', async () => {
  const tree = house.tree()
  const good = { 'nginx/conf.d/a.conf': 'a', 'app.yaml': 'good: 1' }
  tree.write({ ...good, 'not-ours': 'not ours' })
  const include = ['nginx/conf.d', '*.yaml']
  const { backupId } = await tree.backup({ names: ['./nginx/conf.d', './app.yaml'] })
  tree.write({ 'nginx/conf.d/a.conf': 'broken', 'nginx/conf.d/b.conf': 'broken', 'not-ours': 'changed' })
  rmSync(join(tree.root, 'app.yaml'))
  await using agent = await house.agent(tree, { include })
  expect((await agent.plan({ backupId })).plan?.files).toMatchObject({ swap: 'parts' })
  expect(await agent.restore({ backupId })).toMatchObject([{ outcome: 'done', swapped: true }])
  const shown = () =>
    Object.entries(tree.contents()).filter(([name]) => !name.includes('_before_') && !name.includes('_reverted_'))
  expect(Object.fromEntries(shown())).toEqual({ ...good, 'not-ours': 'changed' })
  expect(readdirSync(tree.root).filter((name) => name.startsWith('.'))).toEqual([])

  expect(await agent.restore({ action: 'revert' })).toMatchObject([{ outcome: 'done', swapped: true }])
  expect(Object.fromEntries(shown())).toEqual({
    ...{ 'nginx/conf.d/a.conf': 'broken', 'nginx/conf.d/b.conf': 'broken', 'not-ours': 'changed' },
  })
  const [released] = await agent.restore({ action: 'release' })
  expect(released?.dropped?.map((path) => basename(path).replace(/_\d.*/, '')).toSorted()).toEqual([
    'app.yaml_reverted',
    'conf.d_reverted',
  ])
  expect(Object.keys(tree.contents())).toHaveLength(3)
})

test('a tree that is lost comes back, and nothing is put aside', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  rmSync(tree.root, { recursive: true })
  await using agent = await house.agent(tree)
  const [settled] = await agent.restore({ backupId })
  expect(settled).toMatchObject({ outcome: 'done', swapped: true })
  expect(settled?.aside).toBeUndefined()
  expect([tree.contents(), tree.besides()]).toEqual([{ a: 'a' }, []])
  expect(await agent.restore({ action: 'revert' })).toMatchObject([{ error: { code: 'RECOVERY_NOTHING_ASIDE' } }])
})

describe('a post hook', () => {
  test('finishes the new tree before anything is stopped', async () => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    const { backupId } = await tree.backup()
    await using agent = await house.agent(tree)
    expect(await agent.restore({ backupId, hooks: { post: 'build', ...HOOKS } })).toMatchObject([{ outcome: 'done' }])
    const [cwd, told] = tree.contents().built?.split('\n') ?? []
    expect(cwd).toMatch(/\/app_restoring_[0-9a-f]{6}$/)
    expect(told).toBe(`post ${cwd} ${tree.root}`)
    expect(await at.hooksRan()).toEqual(['stop', 'start', 'ready'])
  })

  test.each([
    ['bad-build', /no such package/],
    ['hanging-build', /did not end within 1000 ms/],
  ])('called %s leaves the live tree untouched, stops nothing and leaves nothing', async (post, words) => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    const { backupId } = await tree.backup()
    tree.write({ a: 'now' })
    const { ino } = lstatSync(tree.root)
    await using agent = await house.agent(tree)
    const [settled] = await agent.restore({ backupId, hooks: { post, ...HOOKS } })
    expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_HOOK_FAILED' } })
    expect(JSON.stringify(settled?.error?.facts)).toMatch(words)
    expect([tree.contents(), tree.besides(), await at.hooksRan()]).toEqual([{ a: 'now' }, [], []])
    expect(lstatSync(tree.root).ino).toBe(ino)
  })
})

describe('of a tree in parts a post hook', () => {
  const include = ['src', 'package.json']
  const good = { 'src/a.js': 'good', 'package.json': '{}' }
  async function restoredWith(script: string) {
    const tree = house.tree()
    tree.write(good)
    const { backupId } = await tree.backup({ names: ['./src', './package.json'] })
    tree.write({ 'src/a.js': 'broken' })
    const own = { command: ['/bin/sh', '-ec', script], timeout: 60_000, env: {} }
    await using agent = await house.agent(tree, { include }, { hooks: { own } })
    const { plan } = await agent.plan({ backupId, hooks: { post: 'own' } })
    expect(plan?.notes).toContainEqual(
      expect.stringContaining('a post hook that makes anything beside them is refused'),
    )
    const [settled] = await agent.restore({ backupId, hooks: { post: 'own', stop: 'good', start: 'good' } })
    return { tree, settled }
  }

  test.each([
    ['makes what would go nowhere', 'mkdir node_modules', /made .*node_modules, which is in no part/],
    ['removes what was to come', 'rm package.json', /removed .*package.json/],
  ])('that %s is refused, and nothing has changed', async (_, script, words) => {
    const { tree, settled } = await restoredWith(script)
    const problem = expect.stringMatching(words)
    expect(settled).toMatchObject({
      ...{ outcome: 'failed', swapped: false, error: { code: 'RESTORE_FILES_UNFIT', facts: { problem } } },
    })
    expect([tree.contents(), await at.hooksRan()]).toEqual([{ ...good, 'src/a.js': 'broken' }, []])
  })

  test('may change what comes', async () => {
    const { tree, settled } = await restoredWith('echo made > src/made')
    expect(settled).toMatchObject({ outcome: 'done', swapped: true })
    expect(tree.contents()).toMatchObject({ ...good, 'src/made': 'made\n' })
  })
})

test('what backups leave out stays with what is put aside, and is told', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  tree.write({ 'node_modules/x/index.js': 'x' })
  await using agent = await house.agent(tree, { exclude: ['node_modules'] })
  const [settled] = await agent.restore({ backupId })
  expect(settled?.files?.changes).toMatchObject({
    ...{ excluded: { count: 1, paths: ['./node_modules'] }, removed: { count: 0 }, changed: { count: 0 } },
  })
  expect(tree.contents(String(settled?.aside))).toHaveProperty(['node_modules/x/index.js'])
})
