import type { TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { expect, test } from 'vitest'
import { said, spawnAgent } from './agent-process.ts'
import { openTablesHouse } from './tables-restore-house.ts'

const REPLACE: TablesInto = { how: 'replace' }
const BESIDE: TablesInto = { how: 'beside', schema: 'look' }
const VISITS = 300

// Side by side: each waits half a minute for NATS to hand the command out again.
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
    const { backupId } = from === 'dump' ? await clinic.dump() : clinic
    await clinic.query('delete from clinic.visit')
    const rows = async (table: string) => (await clinic.query(`select count(*)::int as rows from ${table}`))[0]?.rows
    const { house, section, signers } = at
    const cfg = at.config()
    const nextLife = () => spawnAgent(house, cfg, { restore: section, signers, source: { restore: at.login } })
    const hooks = into === REPLACE ? { stop: 'slow', start: 'slow' } : {}
    await using first = await nextLife()
    const { restoreId } = await at.command(cfg, clinic.wish('visit', into, { hooks, backupId }))
    await said(first, `"phase":"${phase}"`)
    await first.kill('SIGKILL')
    expect(allowed).toContain(await rows('clinic.visit'))
    await using _second = await nextLife()
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: into === REPLACE }])
    expect(await rows(into === REPLACE ? 'clinic.visit' : 'look.visit')).toBe(VISITS)
    expect(await clinic.left()).toEqual([into === REPLACE ? expect.stringMatching(/visit_before_/) : 'look.visit'])
    expect(await at.besides()).toEqual([])
    if (into === REPLACE) expect((await at.hooksRan()).at(-1)).toBe('start')
  },
  600_000,
)
