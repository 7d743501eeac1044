import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { Delivery } from '@lifeboat/shared/bus/bus.ts'
import { RestoreRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { mayMount, orNotRun } from '@lifeboat/testkit/conditions.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentConfig, Hook } from '../src/config.ts'
import { restoreOnCommand } from '../src/handlers/restore.ts'
import { nextSecond, openTreeHouse, type Tree, type TreeHouse } from './tree-house.ts'

let house: TreeHouse
beforeAll(async () => {
  house = await openTreeHouse()
})
afterAll(() => house?.[Symbol.asyncDispose]())

/** A tree behind a link, as deployments make it. */
function linked(): Tree {
  const tree = house.tree()
  const releases = join(tree.folder, 'releases')
  mkdirSync(releases)
  renameSync(tree.root, join(releases, '41'))
  symlinkSync('releases/41', tree.root)
  return tree
}

/** `script` as a hook called `own`. */
function withHook(cfg: AgentConfig, script: string): AgentConfig {
  if (!cfg.restore) throw new Error('the agent restores')
  const own: Hook = { command: ['/bin/sh', '-ec', script], timeout: 60_000, env: {} }
  return { ...cfg, restore: { ...cfg.restore, hooks: { ...cfg.restore.hooks, own } } }
}

const restore = async (cfg: AgentConfig, change: Record<string, unknown>) =>
  (await house.at.settled((await house.command(cfg, change)).restoreId))[0]

/** Links are not followed. */
const isThere = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined

test('production stays where the disk of the book gives out behind the swap', async () => {
  const tree = linked()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  tree.write({ a: 'broken' })
  const plain = house.config({ root: tree.root })
  const book = join(plain.spool.path, 'restores')
  const away = `${book}-away`
  const cfg = withHook(plain, `[ -e "${away}" ] || mv "${book}" "${away}"`)
  await using agent = await house.at.house.agent(cfg)
  const { restoreId } = await house.command(cfg, { backupId, hooks: { start: 'own' } })
  const stage = () => agent.deps.restores.byId(restoreId)?.stage
  await expect.poll(stage, { interval: 20 }).toBe('swapped')
  // Whoever would remove it now does so at once.
  await sleep(1000)
  expect(tree.contents()).toEqual({ a: 'a' })
  expect(existsSync(book)).toBe(false)
})

test('a command that fails behind its swap is never given up, however often it was delivered', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  const plain = house.config({ root: tree.root })
  const { agentId } = plain
  const { bus, deadLetters } = house.at.house
  const order = await house.command(plain, { backupId, hooks: { start: 'own' } })
  const enough = new AbortController()
  const commands = { type: RestoreRequested, durable: `agent-${agentId}-restores`, route: agentId }
  const handedBack = new Promise<void>((resolve) => {
    const handBack = async (_: RestoreRequested, { attempt }: Delivery) => {
      if (attempt >= 19) resolve()
      throw new LifeboatError('SERVICE_STOPPING')
    }
    void bus.consume({ ...commands, maxDeliver: Number.POSITIVE_INFINITY }, handBack, { signal: enough.signal })
  })
  await handedBack
  enough.abort(new LifeboatError('SERVICE_STOPPING'))
  const book = join(plain.spool.path, 'restores')
  const cfg = withHook(plain, `[ -e "${book}-away" ] || mv "${book}" "${book}-away"`)
  await using agent = await house.at.house.agent(cfg)
  const stage = () => agent.deps.restores.byId(order.restoreId)?.stage
  await expect.poll(stage, { interval: 20 }).toBe('swapped')
  // Whoever would give it up does so at once.
  await sleep(2000)
  expect(deadLetters.filter(({ excerpt }) => excerpt.includes(order.restoreId))).toEqual([])
})

test('a relative link in a folder that is itself behind a link leads to the new tree, and a release finds what it led to', async () => {
  const tree = linked()
  const www = join(tree.folder, 'srv/data/www')
  mkdirSync(join(tree.folder, 'srv/data'), { recursive: true })
  mkdirSync(www)
  for (const name of ['releases', 'app']) renameSync(join(tree.folder, name), join(www, name))
  symlinkSync('srv/data/www', join(tree.folder, 'www'))
  tree.root = join(tree.folder, 'www/app')
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  tree.write({ a: 'broken' })
  const cfg = house.config({ root: tree.root })
  await using _agent = await house.at.house.agent(cfg)
  for (let i = 0; i < 2; i++) {
    expect(await restore(cfg, { backupId })).toMatchObject({ outcome: 'done', swapped: true })
    expect([tree.contents(), readlinkSync(tree.root)]).toEqual([{ a: 'a' }, expect.stringMatching(/^releases\/41_/)])
  }
  expect(await restore(cfg, { action: 'release' })).toMatchObject({ outcome: 'done' })
  expect(readdirSync(join(www, 'releases'))).toEqual(['41', readlinkSync(tree.root).slice('releases/'.length)])
  expect(tree.contents()).toEqual({ a: 'a' })
})

test.each(['', 'inside'])(
  'a release leaves a folder of a restore that production was pointed back to by hand: %j',
  async (below) => {
    const tree = linked()
    tree.write({ 'inside/a': 'a' })
    const { backupId } = await tree.backup()
    const cfg = house.config({ root: tree.root })
    await using _agent = await house.at.house.agent(cfg)
    expect(await restore(cfg, { backupId })).toMatchObject({ outcome: 'done' })
    const first = readlinkSync(tree.root)
    expect(await restore(cfg, { backupId })).toMatchObject({ outcome: 'done' })
    rmSync(tree.root)
    symlinkSync(join(first, below), tree.root)
    expect(await restore(cfg, { action: 'release' })).toMatchObject({ outcome: 'done' })
    expect([Object.values(tree.contents()), tree.besides()]).toEqual([['a'], []])
  },
)

test('a release refuses to remove the folder that was put aside and is in its place again by a link', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  const cfg = house.config({ root: tree.root })
  await using _agent = await house.at.house.agent(cfg)
  expect(await restore(cfg, { backupId })).toMatchObject({ outcome: 'done' })
  const [aside] = tree.besides() as [string]
  rmSync(tree.root, { recursive: true })
  symlinkSync(aside, tree.root)
  expect(await restore(cfg, { action: 'release' })).toMatchObject({ error: { code: 'RESTORE_FILES_UNFIT' } })
  expect([tree.contents(), tree.besides()]).toEqual([{ a: 'a' }, [aside]])
})

test('of two commands that were sent in another order than they were signed in, the one that came last is undone first', async () => {
  const tree = house.tree()
  tree.write({ a: 'first' })
  const { backupId } = await tree.backup()
  const cfg = house.config({ root: tree.root })
  await using _agent = await house.at.house.agent(cfg)
  const early = await house.at.order(cfg, { kind: 'files', backupId })
  await nextSecond()
  expect(await restore(cfg, { backupId })).toMatchObject({ outcome: 'done' })
  tree.write({ a: 'second' })
  await house.at.publishRaw(await house.at.wish(early))
  expect(await house.at.settled(early.restoreId)).toMatchObject([{ outcome: 'done' }])
  tree.write({ a: 'third' })
  expect(await restore(cfg, { action: 'revert' })).toMatchObject({ outcome: 'done' })
  expect(tree.contents()).toEqual({ a: 'second' })
})

test('a release removes a folder before the link to it: whoever dies in between finds the rest', async () => {
  const tree = linked()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  const cfg = house.config({ root: tree.root })
  await using _agent = await house.at.house.agent(cfg)
  for (let i = 0; i < 2; i++) expect(await restore(cfg, { backupId })).toMatchObject({ outcome: 'done' })
  const asides = tree.besides().map((name) => join(tree.folder, name))
  const link = asides.find((path) => readlinkSync(path).includes('_restored_')) as string
  const folder = join(tree.folder, readlinkSync(link))
  const { restoreId } = await house.command(cfg, { action: 'release' })
  const left = new Set<string>()
  while (isThere(link) || existsSync(folder)) {
    left.add(`${isThere(link)} ${existsSync(folder)}`)
    await turn()
  }
  expect(await house.at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  // Link, folder.
  expect([...left]).not.toContain('false true')
})

test('what the post hook made is on the disk before the swap', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  const seen = join(tree.folder, 'seen')
  const tools = join(tree.folder, 'tools')
  mkdirSync(tools)
  const script = `#!/bin/sh\nls "$2" >> "${seen}"; exec /usr/bin/sync "$@"\n`
  writeFileSync(join(tools, 'sync'), script, { mode: 0o755 })
  const cfg = { ...house.config({ root: tree.root }), toolPaths: [tools] }
  await using _agent = await house.at.house.agent(cfg)
  expect(await restore(cfg, { backupId, hooks: { post: 'build' } })).toMatchObject({ outcome: 'done' })
  expect(readFileSync(seen, 'utf8')).toBe('a\nbuilt\n')
})

const canMount = orNotRun(mayMount(), 'a volume mounted in a tree behind a link', 'the right to mount')
test.runIf(canMount)('a volume mounted in a tree behind a link is neither left behind nor emptied', async () => {
  const tree = linked()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  const cfg = house.config({ root: tree.root })
  await using _agent = await house.at.house.agent(cfg)
  const first = await restore(cfg, { backupId })
  expect(first).toMatchObject({ outcome: 'done' })
  const volume = join(realpathSync(tree.root), 'volume')
  mkdirSync(volume)
  const unfit = { outcome: 'failed', swapped: false, error: { code: 'RESTORE_FILES_UNFIT' } }
  const mount = () => {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', volume])
    writeFileSync(join(volume, 'kept'), 'kept')
  }
  mount()
  try {
    expect(await restore(cfg, { backupId })).toMatchObject(unfit)
    execFileSync('umount', ['-l', volume])
    expect(await restore(cfg, { backupId })).toMatchObject({ outcome: 'done' })
    mount()
    const before = tree.besides()
    expect(await restore(cfg, { action: 'release' })).toMatchObject(unfit)
    expect([readFileSync(join(volume, 'kept'), 'utf8'), tree.besides()]).toEqual(['kept', before])
  } finally {
    execFileSync('umount', ['-l', volume])
  }
})

/** Contents without what restores left beside. */
const live = (tree: Tree) =>
  Object.fromEntries(Object.entries(tree.contents()).filter(([name]) => !/_(before|reverted)_/.test(name)))

test('what came up at an empty place while the tree was put together is put aside, and given back by a revert', async () => {
  const tree = house.tree()
  tree.write({ 'etc/a': 'a', 'lib/b': 'b' })
  const { backupId } = await tree.backup({ names: ['./etc', './lib'] })
  rmSync(join(tree.root, 'etc'), { recursive: true })
  const plain = house.config({ root: tree.root, include: ['etc', 'lib'] })
  const cfg = withHook(plain, `mkdir "${tree.root}/etc"; echo -n made > "${tree.root}/etc/made"`)
  await using _agent = await house.at.house.agent(cfg)
  expect(await restore(cfg, { backupId, hooks: { stop: 'own' } })).toMatchObject({ outcome: 'done', swapped: true })
  expect(live(tree)).toEqual({ 'etc/a': 'a', 'lib/b': 'b' })
  expect(await restore(cfg, { action: 'revert' })).toMatchObject({ outcome: 'done', swapped: true })
  expect(live(tree)).toEqual({ 'etc/made': 'made', 'lib/b': 'b' })
})

test('a place that has vanished before the swap keeps no revert from the others; told as kept is what was put aside', async () => {
  const tree = house.tree()
  tree.write({ 'etc/a': 'a', 'lib/b': 'b' })
  const { backupId } = await tree.backup({ names: ['./etc', './lib'] })
  tree.write({ 'lib/b': 'broken' })
  const plain = house.config({ root: tree.root, include: ['etc', 'lib'] })
  const cfg = withHook(plain, `rm -r "${tree.root}/etc"`)
  await using _agent = await house.at.house.agent(cfg)
  const settled = await restore(cfg, { backupId, hooks: { stop: 'own' } })
  expect(settled).toMatchObject({ outcome: 'done', aside: expect.stringMatching(/lib_before_/) })
  expect(live(tree)).toEqual({ 'etc/a': 'a', 'lib/b': 'b' })
  expect(await restore(cfg, { action: 'revert' })).toMatchObject({ outcome: 'done', swapped: true })
  expect(live(tree)).toEqual({ 'lib/b': 'broken' })
})

test('a target that says nothing is left behind when its time is up, and the end of the command says so', async () => {
  const tree = house.tree()
  tree.write({ a: 'a' })
  const { backupId } = await tree.backup()
  tree.write({ a: 'broken' })
  const { at } = house
  const { north, south } = at.targets
  async function* list(): AsyncGenerator<never> {
    await new Promise(() => {})
  }
  await using lending = await at.lend([{ ...north, list }, south])
  const plain = house.config({ root: tree.root })
  if (!plain.restore) throw new Error('the agent restores')
  const cfg = { ...plain, restore: { ...plain.restore, uploaders: [`http://127.0.0.1:${lending.port}`] } }
  await using agent = await at.house.agent(cfg)
  const order = await at.order(cfg, { kind: 'files', backupId, targets: ['north', 'south'] })
  const first = { attempt: 1, publishedAt: 0, signal: new AbortController().signal, log: silentLogger }
  await restoreOnCommand(agent.deps, 1_500)(await at.wish(order), first)
  expect(await at.settled(order.restoreId)).toMatchObject([
    { outcome: 'done', passedOver: [{ targetId: 'north', error: { facts: { waitedMs: 1_500 } } }] },
  ])
  expect(live(tree)).toEqual({ a: 'a' })
})
