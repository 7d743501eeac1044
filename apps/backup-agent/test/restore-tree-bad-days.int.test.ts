import { existsSync, mkdirSync, renameSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentConfig, Hook } from '../src/config.ts'
import { openTreeHouse, type Tree, type TreeHouse } from './tree-house.ts'

let house: TreeHouse
beforeAll(async () => {
  house = await openTreeHouse()
})
afterAll(() => house?.[Symbol.asyncDispose]())

/** A tree behind a link, as deployments make it. */
function linked(): Tree & { releases: string } {
  const tree = house.tree()
  const releases = join(tree.folder, 'releases')
  mkdirSync(releases)
  renameSync(tree.root, join(releases, '41'))
  symlinkSync('releases/41', tree.root)
  return { ...tree, releases }
}

/** `script` as a hook called `own`. */
function withHook(cfg: AgentConfig, script: string): AgentConfig {
  if (!cfg.restore) throw new Error('the agent restores')
  const own: Hook = { command: ['/bin/sh', '-ec', script], timeout: 60_000, env: {} }
  return { ...cfg, restore: { ...cfg.restore, hooks: { ...cfg.restore.hooks, own } } }
}

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
