import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import { openTreeHouse, type Tree, type TreeHouse } from './tree-house.ts'

let house: TreeHouse
let at: TreeHouse['at']
beforeAll(async () => {
  house = await openTreeHouse()
  at = house.at
})
afterAll(() => house?.[Symbol.asyncDispose]())

const HOOKS = { stop: 'good', start: 'good', ready: 'good' }

/** An agent for one tree. */
async function agentFor(
  tree: Tree,
  source: Record<string, unknown> = {},
): Promise<{ cfg: AgentConfig } & AsyncDisposable> {
  const cfg = house.config({ root: tree.root, ...source })
  const agent = await at.house.agent(cfg)
  await at.hooksRan()
  return { cfg, [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose]() }
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
  expect([tree.besides(), await at.hooksRan()]).toEqual([
    [expect.stringMatching(/_before_/)],
    ['stop', 'start', 'ready'],
  ])
  const about = { who: ['ann'], why: 'a test', action: 'restore', backupId, root: tree.root }
  expect(await at.audited(restoreId)).toMatchObject(
    ['accepted', 'compared', 'swapped', 'done'].map((event) => ({ event, ...about })),
  )

  const revert = await house.command(cfg, { action: 'revert', hooks: HOOKS })
  expect(await at.settled(revert.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect(tree.contents()).toMatchObject({ 'index.js': 'broken', 'lib/new.js': 'new' })
  expect([tree.besides(), await at.hooksRan()]).toEqual([
    [expect.stringMatching(/_reverted_/)],
    ['stop', 'start', 'ready'],
  ])
  const release = await house.command(cfg, { action: 'release' })
  expect(await at.settled(release.restoreId)).toMatchObject([
    { outcome: 'done', dropped: [expect.stringMatching(/_reverted_/)] },
  ])
  const again = await house.command(cfg, { action: 'revert' })
  expect(await at.settled(again.restoreId)).toMatchObject([
    { outcome: 'failed', swapped: false, error: { code: 'RECOVERY_NOTHING_ASIDE' } },
  ])
  expect(tree.besides()).toEqual([])
})
