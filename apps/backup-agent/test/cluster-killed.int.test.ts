import { expect, test } from 'vitest'
import { said, spawnAgent } from './agent-process.ts'
import { HOOKS, openClusterHouse, VISITS } from './cluster-house.ts'

const ALL = '1 2 3 4'

// Side by side: each waits half a minute for NATS to hand the command out again.
test.concurrent.each([
  ['looking for a way', 'look', [ALL]],
  ['extracting', 'extract', [ALL]],
  ['replaying', 'replay', [ALL]],
  ['stopping the server', 'stop hook', [ALL, undefined]],
  ['swapping', 'swap', [undefined]],
  ['starting the server', 'start hook', [undefined, '1 2']],
])(
  'an agent killed while %s leaves the server as before or complete, and after its restart the cluster is in place',
  async (_, phase, allowed) => {
    await using house = await openClusterHouse()
    const { at, section, login } = house
    const cfg = house.config()
    const change = { restore: section, signers: at.signers, source: { restore: login } }
    await using first = await spawnAgent(at.house, cfg, change)
    const { restoreId } = await house.command(cfg, { place: 'in place', port: undefined, hooks: HOOKS })
    await said(first, `"phase":"${phase}"`)
    await first.kill('SIGKILL')
    // undefined: it does not run at this moment, with one of the two in its place.
    expect(allowed).toContain(await house.visits().catch(() => undefined))
    await using _second = await spawnAgent(at.house, cfg, change)
    expect(await at.settled(restoreId)).toMatchObject([
      { outcome: 'done', swapped: true, cluster: { state: 'promoted' } },
    ])
    expect([await house.visits(), await house.besides()]).toEqual(['1 2', [expect.stringMatching(/_before_/)]])
  },
  600_000,
)

test.concurrent.each([
  ['extracting', 'extract'],
  ['replaying', 'replay'],
  ['starting it', 'start'],
])(
  'an agent killed while %s beside makes it whole after its restart',
  async (_, phase) => {
    await using house = await openClusterHouse()
    const { at, section, login } = house
    const cfg = house.config()
    const change = { restore: section, signers: at.signers, source: { restore: login } }
    await using first = await spawnAgent(at.house, cfg, change)
    const { restoreId } = await house.command(cfg)
    await said(first, `"phase":"${phase}"`)
    await first.kill('SIGKILL')
    await using _second = await spawnAgent(at.house, cfg, change)
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', cluster: { state: 'paused' } }])
    expect([await house.beside(VISITS), await house.visits()]).toEqual(['1 2', ALL])
    const released = await house.command(cfg, { action: 'release', place: 'beside' })
    expect(await at.settled(released.restoreId)).toMatchObject([{ outcome: 'done' }])
  },
  600_000,
)

test('an agent killed while a cluster beside is moved on moves it on after its restart', async () => {
  await using house = await openClusterHouse()
  const { at, section, login } = house
  const cfg = house.config()
  const change = { restore: section, signers: at.signers, source: { restore: login } }
  await using first = await spawnAgent(at.house, cfg, change)
  const made = await house.command(cfg)
  await at.settled(made.restoreId)
  const { targets, sealedIdentity } = made as { targets: string[]; sealedIdentity: string }
  const goal = { to: 'name', name: 'later' }
  const moved = await house.command(cfg, { action: 'move', targets, sealedIdentity, goal })
  const before = first.log().length
  await said({ ...first, log: () => first.log().slice(before) }, '"phase":"replay"')
  await first.kill('SIGKILL')
  await using _second = await spawnAgent(at.house, cfg, change)
  expect(await at.settled(moved.restoreId)).toMatchObject([{ outcome: 'done', cluster: { state: 'paused' } }])
  expect(await house.beside(VISITS)).toBe('1 2 3')
  const released = await house.command(cfg, { action: 'release', place: 'beside' })
  expect(await at.settled(released.restoreId)).toMatchObject([{ outcome: 'done' }])
}, 600_000)
