import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { RestorePlanned, RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment, newRestoreId, type RunId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { FilesFacts } from '@lifeboat/shared/domain/manifest.ts'
import { CANCELS_BUCKET } from '@lifeboat/shared/run/cancels.ts'
import { hostileArchive } from '@lifeboat/testkit/hostile-archive.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import { SOURCE } from './agent-house.ts'
import { described } from './files-house.ts'
import { openTreeHouse, type Tree, type TreeHouse } from './tree-house.ts'

let house: TreeHouse
let at: TreeHouse['at']
beforeAll(async () => {
  house = await openTreeHouse()
  at = house.at
})
afterAll(() => house?.[Symbol.asyncDispose]())

const HOOKS = { stop: 'good', start: 'good', ready: 'good' }
const isRoot = process.getuid?.() === 0
/** tar's memory knows seconds. */
const nextSecond = () => sleep(1_100)

interface Agent extends AsyncDisposable {
  cfg: AgentConfig
  restore(change: Record<string, unknown>): ReturnType<TreeHouse['at']['settled']>
  plan(change?: Record<string, unknown>): Promise<RestorePlanned>
}

/** An agent for one tree. */
async function agentFor(tree: Tree, source: Record<string, unknown> = {}): Promise<Agent> {
  const cfg = house.config({ root: tree.root, ...source })
  const agent = await at.house.agent(cfg)
  await at.hooksRan()
  return {
    cfg,
    restore: async (change) => at.settled((await house.command(cfg, change)).restoreId),
    async plan(change = {}) {
      const restoreId = newRestoreId(Date.now())
      const about = { restoreId, agentId: cfg.agentId, sourceId: SOURCE, requestedAt: moment(Date.now()) }
      const wish = { targets: ['south' as TargetId], unproven: false, hooks: {}, ...change }
      await at.house.bus.publish(RestorePlanRequested, { ...about, ...wish })
      return at.house.fact(RestorePlanned, (fact) => fact.restoreId === restoreId)
    },
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  }
}

test('a tree comes back on a signed command; it can be undone and let go; all of it is written down', async () => {
  const tree = house.tree()
  tree.write({ 'index.js': 'good', 'lib/a.js': 'a' })
  const { backupId } = await tree.backup()
  tree.write({ 'index.js': 'broken', 'lib/new.js': 'new' })
  await using agent = await agentFor(tree)
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
  await using agent = await agentFor(tree)
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
  await using agent = await agentFor(tree)
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
  await using agent = await agentFor(tree, { include })
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
  await using agent = await agentFor(tree)
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
    await using agent = await agentFor(tree)
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
    await using agent = await agentFor(tree)
    const [settled] = await agent.restore({ backupId, hooks: { post, ...HOOKS } })
    expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_HOOK_FAILED' } })
    expect(JSON.stringify(settled?.error?.facts)).toMatch(words)
    expect([tree.contents(), tree.besides(), await at.hooksRan()]).toEqual([{ a: 'now' }, [], []])
    expect(lstatSync(tree.root).ino).toBe(ino)
  })
})

test('a stop hook that fails leaves the tree as it was, and the service is started again', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  tree.write({ a: 'now' })
  await using agent = await agentFor(tree)
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
  await using agent = await agentFor(tree)
  const { restoreId } = await house.command(agent.cfg, { backupId, hooks: { stop: 'slow', start: 'good' } })
  await expect.poll(async () => (await at.hooksRan()).length, { interval: 20, timeout: 60_000 }).toBeGreaterThan(0)
  const runId = restoreId as string as RunId
  const cancels = await at.house.bus.bucket(CANCELS_BUCKET)
  await cancels.put(runId, { runId, why: 'cancelled', by: 'ann', at: moment(Date.now()) })
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
    await using agent = await agentFor(tree)
    const [settled] = await agent.restore({ backupId })
    expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_FILES_UNLIKE' } })
    expect(settled?.error?.facts.problem).toContain('1 members were refused: ./way/outside: ')
    expect([existsSync(outside), tree.besides()]).toEqual([false, []])
  })

  test.each([
    ['other contents', /("sha256":")..../g, '$1ffff', /has other contents/],
    ['another mode', /"mode":420/g, '"mode":292', /has mode 644 instead of 444/],
    ...(isRoot ? [['another owner', /"uid":0/g, '"uid":7', /have another owner/] as const] : []),
  ] as const)('has %s than the list of what was archived', async (_, what, instead, words) => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    chmodSync(join(tree.root, 'a'), 0o644)
    const { backupId } = await tree.backup({ spoilList: (list) => list.replace(what, instead) })
    tree.write({ a: 'now' })
    await using agent = await agentFor(tree)
    const [settled] = await agent.restore({ backupId })
    expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_FILES_UNLIKE' } })
    expect(settled?.error?.facts.problem).toMatch(words)
    expect([tree.contents(), tree.besides()]).toEqual([{ a: 'now' }, []])
  })

  test('no drill has proven, unless the operator signed for that', async () => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    const { backupId } = await tree.backup({ unproven: true })
    await using agent = await agentFor(tree)
    expect(await agent.restore({ backupId })).toMatchObject([{ swapped: false, error: { code: 'RECOVERY_UNPROVEN' } }])
    expect(await agent.restore({ backupId, unproven: true })).toMatchObject([{ outcome: 'done' }])
  })

  test('lacks what it is built on', async () => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    const parent = await tree.backup()
    const gone = { ...parent, backupId: parent.backupId.replace(/.{6}$/, 'gone00') } as typeof parent
    const { backupId } = await tree.backup({ parent: gone })
    await using agent = await agentFor(tree)
    expect(await agent.restore({ backupId })).toMatchObject([
      { swapped: false, error: { code: 'RECOVERY_PARENT_MISSING' } },
    ])
  })
})

test('a disk that is too small is told before the first byte', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { bavail, bsize } = statfsSync(tree.folder)
  const bytes = bavail * bsize
  const { backupId } = await tree.backup({
    change: (manifest) => ({ ...manifest, files: { ...(manifest.files as FilesFacts), bytes } }),
  })
  await using agent = await agentFor(tree)
  expect((await agent.plan({ backupId })).plan?.obstacles).toMatchObject([{ code: 'RECOVERY_NO_ROOM' }])
  const { restoreId } = await house.command(agent.cfg, { backupId })
  expect(await at.settled(restoreId)).toMatchObject([{ swapped: false, error: { code: 'RECOVERY_NO_ROOM' } }])
  expect((await at.audited(restoreId)).map(({ event }) => event)).toEqual(['accepted', 'failed'])
  expect(tree.besides()).toEqual([])
})

describe('a plan', () => {
  test('tells copy, place, room, hooks and loss, takes the state of a time, and touches nothing', async () => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    await nextSecond()
    const first = await tree.backup()
    await nextSecond()
    const second = await tree.backup({ unproven: true })
    await using agent = await agentFor(tree, { exclude: ['node_modules'] })
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

  test('says that what is mounted cannot be swapped', async () => {
    const tree = house.tree()
    tree.write({ a: 'a' })
    const { backupId } = await tree.backup()
    await using agent = await agentFor(tree, { root: '/dev/shm' })
    const { plan } = await agent.plan({ backupId })
    expect(plan?.obstacles[0]).toMatchObject({
      ...{ code: 'RESTORE_FILES_UNFIT', facts: { problem: expect.stringMatching(/^\/dev\/shm is mounted/) } },
    })
  })
})

test('what backups leave out stays with what is put aside, and is told', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  tree.write({ 'node_modules/x/index.js': 'x' })
  await using agent = await agentFor(tree, { exclude: ['node_modules'] })
  const [settled] = await agent.restore({ backupId })
  expect(settled?.files?.changes).toMatchObject({
    ...{ excluded: { count: 1, paths: ['./node_modules'] }, removed: { count: 0 }, changed: { count: 0 } },
  })
  expect(tree.contents(String(settled?.aside))).toHaveProperty(['node_modules/x/index.js'])
})

test('a command about a database is refused where the source is a tree of files', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  await using agent = await agentFor(tree)
  expect(await agent.restore({ backupId, kind: 'database' })).toMatchObject([
    { outcome: 'refused', error: { code: 'RESTORE_WRONG_HOST' } },
  ])
})
