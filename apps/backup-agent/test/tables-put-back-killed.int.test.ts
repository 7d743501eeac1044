import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import { dies, type ProcessChange, said, spawnAgent } from './agent-process.ts'
import { gatedLives } from './gated-lives.ts'
import { losing } from './losing-proxy.ts'
import { openTablesHouse, type TablesHouse } from './tables-restore-house.ts'

const VISIT = { kind: 'tables', tables: [{ schema: 'clinic', name: 'visit' }] }

test.concurrent.each<[string, string, number[]]>([
  ['stopping the service', 'stop hook', [300]],
  ['putting the rows back', 'swap', [0, 300]],
  ['starting the service', 'start hook', [0]],
])(
  'an agent killed in a revert while %s leaves the table as before or put back, and after its restart the command is obeyed',
  async (_, phase, allowed) => {
    await using clinic = await openTablesHouse()
    const { at } = clinic
    const { cfg, change } = await replaced(clinic)
    const lives = gatedLives(at.house, cfg, change)
    await using first = await lives.next(phase === 'stop hook' ? ['stop'] : ['start'])
    const told = first.log().length
    const { restoreId } = await at.command(cfg, { action: 'revert', ...VISIT, hooks: { stop: 'good', start: 'good' } })
    await said(first, `"phase":"${phase}"`, told)
    await dies(first, at.house, cfg)
    expect(allowed).toContain(await visits(clinic))
    const again = first.log().length
    lives.letGo()
    await using second = await lives.next(phase === 'swap' ? [] : ['start'])
    if (phase !== 'swap') {
      await said(second, '"phase":"start hook"', again)
      expect(await at.isHeld()).toBe(true)
      lives.letGo()
    }
    expect(await at.settled(restoreId)).toMatchObject([
      { outcome: 'done', swapped: true, aside: expect.stringMatching(/visit_reverted_/) },
    ])
    expect(await visits(clinic)).toBe(0)
    expect(await clinic.left()).toEqual([expect.stringMatching(/visit_reverted_/)])
    expect((await at.hooksRan()).at(-1)).toBe('start')
  },
  600_000,
)

test.concurrent.each(['done', 'cancelled'])(
  'an agent killed while a release waits for a lock goes on after its restart or lets it be: %s',
  async (outcome) => {
    await using clinic = await openTablesHouse()
    const { at } = clinic
    const { cfg, nextLife } = await replaced(clinic)
    const [kept] = await clinic.left()
    await using first = await nextLife()
    await using holder = await clinic.connected('somebody')
    await holder.query(`begin; lock table ${kept} in access share mode`)
    const { restoreId } = await at.command(cfg, { action: 'release', ...VISIT, drainMs: 600_000 })
    await clinic.untilWaiting()
    await dies(first, at.house, cfg)
    if (outcome === 'cancelled') await at.cancel(restoreId)
    await holder.query('commit')
    await using _second = await nextLife()
    expect(await at.settled(restoreId)).toMatchObject([{ outcome, ...(outcome === 'done' && { dropped: [kept] }) }])
    expect([await visits(clinic), await clinic.left()]).toEqual([300, outcome === 'done' ? [] : [kept]])
  },
  600_000,
)

test.concurrent('an agent killed before it hears that a release is through tells what was dropped', async () => {
  await using clinic = await openTablesHouse()
  const { cfg, nextLife } = await replaced(clinic)
  const [kept] = await clinic.left()
  await using proxy = await losing(clinic, 'the answer, but not the connection,')
  await using first = await nextLife({ port: proxy.port })
  const { restoreId } = await clinic.at.command(cfg, { action: 'release', ...VISIT })
  await until(
    () => clinic.left(),
    (left) => left.length === 0,
  )
  await dies(first, clinic.at.house, cfg)
  expect(proxy.lost()).toBe(1)
  await using _second = await nextLife()
  expect(await clinic.at.settled(restoreId)).toMatchObject([{ outcome: 'done', dropped: [kept] }])
}, 600_000)

async function visits({ query }: TablesHouse): Promise<unknown> {
  return (await query('select count(*)::int as rows from clinic.visit'))[0]?.rows
}

/** The visits of a backup are there, and those that were there before, none, are kept; the agent that did it is gone. */
async function replaced(clinic: TablesHouse) {
  const { at } = clinic
  await clinic.query('delete from clinic.visit')
  const cfg: AgentConfig = at.config()
  const change: ProcessChange = { restore: at.section, signers: at.signers, source: { restore: at.login } }
  const nextLife = (reach = {}) => spawnAgent(at.house, cfg, { ...change, source: { ...change.source, ...reach } })
  await using first = await nextLife()
  const { restoreId } = await at.command(cfg, clinic.wish('visit', { how: 'replace' }))
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  await first.kill('SIGTERM')
  return { cfg, change, nextLife }
}
