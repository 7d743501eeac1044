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
  },
  600_000,
)
