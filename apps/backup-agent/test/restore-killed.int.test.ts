import { eventually, until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import { dies, said, spawnAgent } from './agent-process.ts'
import { gatedLives } from './gated-lives.ts'
import { pausingRestore } from './pausing-restore.ts'
import { openRestoreHouse, PATIENTS, type RestoreHouse } from './restore-house.ts'

test.concurrent.each([
  ['looking for a copy', 'look', [0]],
  ['restoring', 'restore', [0]],
  ['comparing', 'check', [0]],
  ['analysing', 'analyze', [0]],
  ['stopping the service', 'stop hook', [0]],
  ['swapping', 'swap', [0, PATIENTS]],
  ['starting the service', 'start hook', [PATIENTS]],
])(
  'an agent killed while %s leaves production as before or complete, and after its restart the command is obeyed',
  async (_, phase, allowed) => {
    await using at = await openRestoreHouse()
    const { restoreId, lives, told } = await killedAt(at, phase)
    // What the server does still for the dead agent may turn somebody away who comes just then.
    expect(allowed).toContain(await eventually(at.patients))
    await using second = await lives.next(phase === 'start hook' ? ['start'] : [])
    if (phase === 'start hook') {
      await said(second, '"phase":"start hook"', told)
      expect(await at.isHeld()).toBe(true)
      lives.letGo()
    }
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
    expect(await at.patients()).toBe(PATIENTS)
    expect(await at.besides()).toEqual([expect.stringMatching(/_before_/)])
    expect((await at.hooksRan()).at(-1)).toBe('start')
  },
  600_000,
)

test.concurrent('an agent killed while it stops the service starts it again when the command was cancelled meanwhile, and leaves nothing', async () => {
  await using at = await openRestoreHouse()
  const { restoreId, lives } = await killedAt(at, 'stop hook')
  await at.cancel(restoreId)
  await using _second = await lives.next()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect([await at.patients(), await at.besides(), (await at.hooksRan()).at(-1)]).toEqual([0, [], 'start'])
}, 600_000)

test.concurrent('a database that was half restored by a life after the first is never taken for a whole one', async () => {
  await using at = await openRestoreHouse()
  const { cfg, restoreId, lives } = await killedAt(at, 'stop hook')
  // Somebody cleans up behind the dead agent, and its next life begins anew and dies half-way.
  const [beside] = await at.besides()
  await at.house.pg.query('postgres', `drop database "${beside}" with (force)`)
  {
    await using tools = await pausingRestore(at)
    await using second = await lives.next([], tools)
    await until(tools.isThrough, (isThrough) => isThrough)
    await dies(second, at.house, cfg)
  }
  // It does not stand still for the length of a restore.
  expect((await at.hooksRan()).at(-1)).toBe('start')
  await at.house.pg.query(String(beside), 'truncate patient')
  await using _third = await lives.next()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect(await at.patients()).toBe(PATIENTS)
}, 600_000)

test.concurrent('an agent killed while a revert waits for sessions to leave ends it when it was cancelled meanwhile, and the service runs', async () => {
  await using at = await openRestoreHouse()
  const { house, section, signers } = at
  const cfg = at.config()
  const nextLife = () => spawnAgent(house, cfg, { restore: section, signers, source: { restore: at.login } })
  const first = await nextLife()
  const restored = await at.command(cfg)
  expect(await at.settled(restored.restoreId)).toMatchObject([{ outcome: 'done' }])
  const { left } = await at.staying()
  const hooks = { stop: 'good', start: 'good' }
  const told = first.log().length
  const { restoreId } = await at.command(cfg, { action: 'revert', drainMs: 600_000, hooks })
  await said(first, '"phase":"swap"', told)
  await dies(first, house, cfg)
  await at.cancel(restoreId)
  await using _second = await nextLife()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect([await at.patients(), (await at.hooksRan()).at(-1)]).toEqual([PATIENTS, 'start'])
  await left()
}, 600_000)

/** Rows are lost, a command to bring them back is given, and the agent is killed as soon as it says that this phase begins. `told`: where the log of its next life begins. */
async function killedAt(at: RestoreHouse, phase: string) {
  await at.lose()
  const { house, section, signers } = at
  const cfg = at.config()
  const lives = gatedLives(house, cfg, { restore: section, signers, source: { restore: at.login } })
  await using first = await lives.next(['swap', 'start hook'].includes(phase) ? ['start'] : ['stop'])
  const { restoreId } = await at.command(cfg, { hooks: { stop: 'good', start: 'good' } })
  await said(first, `"phase":"${phase}"`)
  await dies(first, house, cfg)
  lives.letGo()
  return { cfg, restoreId, lives, told: first.log().length }
}
