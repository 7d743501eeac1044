import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { CANCELS_BUCKET } from '@lifeboat/shared/run/cancels.ts'
import { expect, test } from 'vitest'
import { said, spawnAgent } from './agent-process.ts'
import { openRestoreHouse, PATIENTS } from './restore-house.ts'

// Side by side: each waits half a minute for NATS to hand the command out again.
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
    await at.lose()
    const { house, section, signers } = at
    const cfg = at.config()
    const change = { restore: section, signers, source: { restore: at.login } }
    await using first = await spawnAgent(house, cfg, change)
    const { restoreId } = await at.command(cfg, { hooks: { stop: 'slow', start: 'slow' } })
    await said(first, `"phase":"${phase}"`)
    await first.kill('SIGKILL')
    expect(allowed).toContain(await at.patients())
    await using _second = await spawnAgent(house, cfg, change)
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
    expect(await at.patients()).toBe(PATIENTS)
    expect(await at.besides()).toEqual([expect.stringMatching(/_before_/)])
    expect((await at.hooksRan()).at(-1)).toBe('start')
  },
  600_000,
)

test.concurrent('an agent killed while it stops the service starts it again when the command was cancelled meanwhile, and leaves nothing', async () => {
  await using at = await openRestoreHouse()
  await at.lose()
  const { house, section, signers } = at
  const cfg = at.config()
  const change = { restore: section, signers, source: { restore: at.login } }
  await using first = await spawnAgent(house, cfg, change)
  const { restoreId } = await at.command(cfg, { hooks: { stop: 'slow', start: 'good' } })
  await said(first, '"phase":"stop hook"')
  await first.kill('SIGKILL')
  const runId = restoreId as string as RunId
  const cancels = await house.bus.bucket(CANCELS_BUCKET)
  await cancels.put(runId, { runId, why: 'cancelled', by: 'ann', at: moment(Date.now()) })
  await using _second = await spawnAgent(house, cfg, change)
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect([await at.patients(), await at.besides(), (await at.hooksRan()).at(-1)]).toEqual([0, [], 'start'])
}, 600_000)

test.concurrent('a database that was half restored by a life after the first is never taken for a whole one', async () => {
  await using at = await openRestoreHouse()
  await at.lose()
  const { house, section, signers } = at
  const cfg = at.config()
  const change = { restore: section, signers, source: { restore: at.login } }
  await using first = await spawnAgent(house, cfg, change)
  const { restoreId } = await at.command(cfg, { hooks: { stop: 'slow', start: 'good' } })
  await said(first, '"phase":"stop hook"')
  await first.kill('SIGKILL')
  // Somebody cleans up behind the dead agent, and its next life begins anew and dies half-way.
  const [beside] = await at.besides()
  await house.pg.query('postgres', `drop database "${beside}" with (force)`)
  {
    const told = first.log().length
    await using second = await spawnAgent(house, cfg, change)
    await said(second, '"phase":"check"', told)
    await second.kill('SIGKILL')
  }
  await house.pg.query(String(beside), 'truncate patient')
  await using _third = await spawnAgent(house, cfg, change)
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect(await at.patients()).toBe(PATIENTS)
}, 600_000)
