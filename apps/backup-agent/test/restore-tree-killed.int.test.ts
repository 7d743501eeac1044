import { existsSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dies, said } from './agent-process.ts'
import { gatedLives } from './gated-lives.ts'
import { openTreeHouse, type Tree, type TreeHouse } from './tree-house.ts'

let house: TreeHouse
beforeAll(async () => {
  house = await openTreeHouse()
})
afterAll(() => house?.[Symbol.asyncDispose]())

const GOOD = { 'etc/a.conf': 'good', 'lib/b.js': 'good' }
const BROKEN = { 'etc/a.conf': 'broken', 'lib/b.js': 'broken' }
const PARTS = { names: ['./etc', './lib'], include: ['etc', 'lib'] }
const HOOKS = { post: 'good', stop: 'good', start: 'good' }
/** What keeps the agent from being further than where it is killed, by that phase; from all others the stop hook does. */
const HELD: Record<string, readonly ('post' | 'start')[]> = {
  'post hook': ['post'],
  swap: ['start'],
  'start hook': ['start'],
}

const NOTHING = {}

/** Contents without what restores left beside. */
function live(tree: Tree): Record<string, string> {
  if (!existsSync(tree.root)) return NOTHING
  return Object.fromEntries(Object.entries(tree.contents()).filter(([name]) => !/_(before|restoring)_/.test(name)))
}

/** A tree is broken, a command to bring it back is given, and the agent is killed as soon as it says that this phase begins. */
async function killedAt(
  phase: string,
  { names, include, link = false }: { names?: string[]; include?: string[]; link?: boolean },
) {
  const tree = house.tree()
  if (link) {
    renameSync(tree.root, join(tree.folder, 'release'))
    symlinkSync('release', tree.root)
  }
  tree.write(GOOD)
  const { backupId } = await tree.backup({ ...(names && { names }) })
  tree.write(BROKEN)
  const { at, section } = house
  const cfg = house.config({ root: tree.root })
  const about = { restore: section, signers: at.signers, files: tree.root, policy: { kind: 'files' } }
  const lives = gatedLives(at.house, cfg, { ...about, ...(include && { source: { include } }) })
  await using first = await lives.next(HELD[phase] ?? ['stop'])
  const { restoreId } = await house.command(cfg, { backupId, hooks: HOOKS })
  await said(first, `"phase":"${phase}"`)
  await dies(first, at.house, cfg)
  lives.letGo()
  return { tree, cfg, restoreId, lives, told: first.log().length }
}

test.concurrent.each([
  ['looking for a copy', 'look', {}, [BROKEN]],
  ['extracting', 'restore', {}, [BROKEN]],
  ['comparing', 'compare', {}, [BROKEN]],
  ['a post hook runs', 'post hook', {}, [BROKEN]],
  ['stopping the service', 'stop hook', {}, [BROKEN]],
  // A folder takes the place of another by two renames, and in between there is none.
  ['swapping', 'swap', {}, [BROKEN, NOTHING, GOOD]],
  ['swapping a link', 'swap', { link: true }, [BROKEN, GOOD]],
  ['extracting parts', 'restore', PARTS, [BROKEN]],
  ['stopping the service of parts', 'stop hook', PARTS, [BROKEN]],
  ['starting the service', 'start hook', {}, [GOOD]],
  ['starting the service of parts', 'start hook', PARTS, [GOOD]],
] as const)(
  'an agent killed while %s leaves the tree as before or complete, and after its restart the command is obeyed',
  async (_, phase, how, allowed) => {
    const { tree, restoreId, lives } = await killedAt(phase, how as Parameters<typeof killedAt>[1])
    expect(allowed).toContainEqual(live(tree))
    await using _second = await lives.next()
    expect(await house.at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true, files: { files: 2 } }])
    expect(live(tree)).toEqual(GOOD)
    expect(tree.besides().filter((name) => !name.includes('_before_'))).toEqual([])
    expect(Object.keys(tree.contents()).filter((name) => name.includes('_restoring_'))).toEqual([])
  },
  600_000,
)

test.concurrent.each([false, true])(
  'an agent killed between two renames does the rest after its restart, cancelled meanwhile or not: %s',
  async (cancelled) => {
    const { tree, cfg, restoreId, lives } = await killedAt('stop hook', PARTS)
    // As if it had come as far as the first rename of the second place.
    const page = join(cfg.spool.path, 'restores', `${restoreId}.json`)
    const entry = JSON.parse(readFileSync(page, 'utf8'))
    writeFileSync(page, JSON.stringify({ ...entry, stage: 'swapping' }))
    const [first, second] = entry.files.swaps
    renameSync(first.place, first.aside)
    renameSync(first.next, first.place)
    renameSync(second.place, second.aside)
    if (cancelled) await house.at.cancel(restoreId)
    await using _second = await lives.next()
    expect(await house.at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
    expect(live(tree)).toEqual(GOOD)
  },
  600_000,
)

test.concurrent('what an earlier life had put together and somebody removed is put together again', async () => {
  const { tree, cfg, restoreId, lives, told } = await killedAt('stop hook', {})
  const page = join(cfg.spool.path, 'restores', `${restoreId}.json`)
  rmSync(JSON.parse(readFileSync(page, 'utf8')).files.folder, { recursive: true })
  await using second = await lives.next()
  expect(await house.at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  // The service does not stand still while a tree is put together.
  const phases = [
    ...second
      .log()
      .slice(told)
      .matchAll(/"phase":"([^"]+)"/g),
  ].map(([, phase]) => phase)
  expect(phases.filter((phase) => /^(start|stop|post) hook$/.test(phase ?? ''))).toEqual([
    'start hook',
    'post hook',
    'stop hook',
    'start hook',
  ])
  expect(live(tree)).toEqual(GOOD)
}, 600_000)
