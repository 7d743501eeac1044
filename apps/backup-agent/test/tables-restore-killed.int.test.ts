import type { TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { expect, test } from 'vitest'
import { dies, said } from './agent-process.ts'
import { gatedLives } from './gated-lives.ts'
import { BESIDE, openTablesHouse, REPLACE, type TablesHouse } from './tables-restore-house.ts'

const VISITS = 300

test.concurrent.each<[string, string, number[], TablesInto, 'dump'?]>([
  ['looking for a copy', 'look', [0], REPLACE],
  ['loading', 'load', [0], REPLACE],
  ['comparing with what is there', 'compare', [0], REPLACE],
  ['stopping the service', 'stop hook', [0], REPLACE],
  ['putting the rows in', 'swap', [0, VISITS], REPLACE],
  ['starting the service', 'start hook', [VISITS], REPLACE],
  ['restoring a dump beside', 'restore', [0], REPLACE, 'dump'],
  ['measuring what came out of a dump', 'measure', [0], REPLACE, 'dump'],
  ['loading beside', 'load', [0], BESIDE],
  ['naming what lies beside', 'swap', [0], BESIDE],
])(
  'an agent killed while %s leaves tables as before or complete, and after its restart the command is obeyed',
  async (_, phase, allowed, into, from) => {
    await using clinic = await openTablesHouse()
    const { at } = clinic
    const rows = async (table: string) => (await clinic.query(`select count(*)::int as rows from ${table}`))[0]?.rows
    const { restoreId, lives, told } = await killedAt(clinic, phase, into, from)
    expect(allowed).toContain(await rows('clinic.visit'))
    await using second = await lives.next(phase === 'start hook' ? ['start'] : [])
    if (phase === 'start hook') {
      await said(second, '"phase":"start hook"', told)
      expect(await at.isHeld()).toBe(true)
      lives.letGo()
    }
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: into === REPLACE }])
    expect(await rows(into === REPLACE ? 'clinic.visit' : 'look.visit')).toBe(VISITS)
    expect(await clinic.left()).toEqual([into === REPLACE ? expect.stringMatching(/visit_before_/) : 'look.visit'])
    expect(await at.besides()).toEqual([])
    if (into !== REPLACE) return
    const ran = await at.hooksRan()
    expect(ran.at(-1)).toBe('start')
    // What was stopped does not stand still while everything is loaded anew.
    expect(ran.join(' ')).not.toContain('stop stop')
    // It may have found the hook that was let go at work still, and waited for its end.
    const [first] = /"phase":"(?!stop hook of an earlier life)[^"]+"/.exec(second.log().slice(told)) ?? []
    if (phase === 'stop hook') expect(first).toBe('"phase":"start hook"')
  },
  600_000,
)

test.concurrent('an agent killed while it restores a dump beside leaves nothing of it when the command was cancelled meanwhile', async () => {
  await using clinic = await openTablesHouse()
  const { at } = clinic
  const { restoreId, lives } = await killedBeforeItLoads(clinic)
  expect(await at.besides()).toEqual([expect.stringMatching(/^records_restoring_/)])
  await at.cancel(restoreId)
  await using _second = await lives.next()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect([await at.besides(), await clinic.left()]).toEqual([[], []])
}, 600_000)

test.concurrent('what a dead agent restored a dump with may be at it still when its next life begins anew', async () => {
  await using clinic = await openTablesHouse()
  const { at } = clinic
  const { restoreId, lives } = await killedBeforeItLoads(clinic)
  const [beside] = await at.besides()
  await using _left = await clinic.connected('pg_restore', beside)
  await using _second = await lives.next()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect(await at.besides()).toEqual([])
}, 600_000)

/** Nobody makes a schema meanwhile, so nothing is loaded, and until it is the database beside is needed. */
async function killedBeforeItLoads(clinic: TablesHouse) {
  await using somebody = await clinic.connected('somebody')
  await somebody.query('begin; lock table pg_namespace in share mode')
  const killed = await killedAt(clinic, 'restore', REPLACE, 'dump')
  await somebody.query('commit')
  return killed
}

/** Visits are lost, a command to bring them back is given, and the agent is killed as soon as it says that this phase begins. `told`: where the log of its next life begins. */
async function killedAt(clinic: TablesHouse, phase: string, into: TablesInto, from?: 'dump') {
  const { at } = clinic
  const { backupId } = from === 'dump' ? await clinic.dump() : clinic
  await clinic.query('delete from clinic.visit')
  const cfg = at.config()
  const change = { restore: at.section, signers: at.signers, source: { restore: at.login } }
  const lives = gatedLives(at.house, cfg, change)
  const hooks = into === REPLACE ? { stop: 'good', start: 'good' } : {}
  await using first = await lives.next(['swap', 'start hook'].includes(phase) ? ['start'] : ['stop'])
  const { restoreId } = await at.command(cfg, clinic.wish('visit', into, { hooks, backupId }))
  await said(first, `"phase":"${phase}"`)
  await dies(first, at.house, cfg)
  lives.letGo()
  return { restoreId, lives, told: first.log().length }
}
