import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentConfig, Hook } from '../src/config.ts'
import { openTreeHouse, type Tree, type TreeHouse } from './tree-house.ts'

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
  await expect.poll(stage, { timeout: 60_000, interval: 20 }).toBe('swapped')
  // Whoever would remove it now does so at once.
  await sleep(1000)
  expect(tree.contents()).toEqual({ a: 'a' })
  expect(existsSync(book)).toBe(false)
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

// Root in a container often may not; the only way to know is to try, where nobody else sees it.
const mayMount = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
if (!mayMount) console.warn('NOT RUN: a volume mounted in a tree behind a link. It needs the right to mount.')
test.runIf(mayMount)('a volume mounted in a tree behind a link is neither left behind nor emptied', async () => {
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
