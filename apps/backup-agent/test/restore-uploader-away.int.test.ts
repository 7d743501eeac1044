import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import { type ClusterHouse, openClusterHouse, VISITS } from './cluster-house.ts'
import { type MortalLender, mortalLender } from './mortal-lender.ts'
import { openTreeHouse } from './tree-house.ts'

const PATIENT = { schema: 'public', name: 'patient' }

let house: ClusterHouse
beforeAll(async () => {
  house = await openClusterHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

test.each([
  ['a dump', /db\.dump/, {}],
  ['tables', /db\.dump/, { kind: 'tables', tables: [PATIENT], into: { how: 'beside', schema: 'look' } }],
])('%s comes back although the uploader dies while it is read', async (_, artifact, change) => {
  const { at } = house
  await using lender = await mortalLender(at.targets.south, artifact)
  const cfg = through(lender, house.config())
  const heard = listening()
  await using _agent = await at.house.agent(cfg, heard.log)
  const { restoreId } = await at.command(cfg, { backupId: at.backupId, ...change })
  await lender.died
  await heard.waiting
  await lender.comeBack()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  expect(heard.events).toContain('restore.going-on')
})

test.each([
  ['the base', /base\.tar/],
  ['its WAL', /\/wal\//],
])('a cluster comes back although the uploader dies while %s is read', async (_, artifact) => {
  const { at } = house
  await using lender = await mortalLender(at.targets.south, artifact)
  const cfg = through(lender, house.config())
  const heard = listening()
  await using _agent = await at.house.agent(cfg, heard.log)
  const { restoreId } = await house.command(cfg)
  await lender.died
  await heard.waiting
  await lender.comeBack()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  expect(await house.beside(VISITS)).toBe('1 2')
  const release = await house.command(cfg, { action: 'release', place: 'beside' })
  expect(await at.settled(release.restoreId)).toMatchObject([{ outcome: 'done' }])
})

test('a restore that waits for an uploader is cancelled like any other, and leaves nothing', async () => {
  const { at } = house
  await using lender = await mortalLender(at.targets.south, /db\.dump/)
  const cfg = through(lender, house.config())
  const heard = listening()
  await using agent = await at.house.agent(cfg, heard.log)
  const before = await at.besides()
  const { restoreId } = await at.command(cfg, { backupId: at.backupId })
  await heard.waiting
  await at.cancel(restoreId, agent)
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect(await at.besides()).toEqual(before)
  await lender.comeBack()
})

test('a tree comes back although the uploader dies while it is read', async () => {
  await using trees = await openTreeHouse()
  const tree = trees.tree()
  tree.write({ 'a/b': 'before', c: 'c' })
  const { backupId } = await tree.backup()
  tree.write({ 'a/b': 'changed' })
  await using lender = await mortalLender(trees.at.targets.south, /files.*\.tar/)
  const cfg = through(lender, trees.config({ root: tree.root }))
  const heard = listening()
  await using _agent = await trees.at.house.agent(cfg, heard.log)
  const { restoreId } = await trees.command(cfg, { backupId })
  await lender.died
  await heard.waiting
  await lender.comeBack()
  expect(await trees.at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect(tree.contents()['a/b']).toBe('before')
})

function through({ url }: MortalLender, cfg: AgentConfig): AgentConfig {
  if (!cfg.restore) throw new Error('the agent restores')
  return { ...cfg, restore: { ...cfg.restore, uploaders: [url] } }
}

/** What the agent says; and when it waits. */
function listening() {
  const begun = Promise.withResolvers<void>()
  const events: string[] = []
  const note = (facts: object) => {
    const { event = '' } = facts as { event?: string }
    events.push(event)
    if (event === 'restore.waiting') begun.resolve()
  }
  const log: Logger = { error: note, warn: note, info: note, debug() {}, child: () => log }
  return { log, events, waiting: begun.promise }
}
