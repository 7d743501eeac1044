import { POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { backUp } from './support/backups.ts'
import { openRestoreWorld, type RestoreWorld } from './support/restore-world.ts'

const EXPORTS = 'exports'

/** Beside the dumps, one table as CSV. */
function withExports(config: WorldConfig): void {
  const { drill: _ofTheDump, size: _likewise, ...policy } = config.policies[POLICY] ?? { sources: [], targets: [] }
  config.policies[EXPORTS] = { ...policy, kind: 'tables', tables: { list: ['visit'] }, schedule: { cron: '0 5 1 1 *' } }
}

let at: RestoreWorld
const sql = (text: string) => at.world.source.postgres.query(at.world.source.database, text)
beforeAll(async () => {
  at = await openRestoreWorld({ configure: withExports })
  await sql('alter table visit add primary key (no)')
  await backUp(at.world, [SOURCE, '--policy', EXPORTS], 'proven')
  await sql('delete from visit where no > 60; insert into visit values (1000)')
})
afterAll(() => at?.[Symbol.asyncDispose]())

test('a table is looked at beside, merged, put back, replaced and let go, on signed commands', async () => {
  const { world, byAnn } = at
  const table = ['--table', 'visit']
  const plan = await world.cli(['restore', 'plan', SOURCE, ...table, '--merge'])
  expect([plan.code, plan.stderr]).toEqual([0, expect.any(String)])
  for (const told of [/^table +public\.visit, 100 rows in the backup/m, /^into +the tables: rows that are missing/m])
    expect(plan.stdout).toMatch(told)
  const undecided = await at.run(table)
  expect([undecided.code, undecided.stdout]).toEqual([
    2,
    expect.stringContaining('--merge, --replace or --into-schema'),
  ])

  const looked = await world.cli([
    ...['restore', 'run', SOURCE, ...byAnn, '--identity', at.identityFile, ...table],
    ...['--into-schema', 'look'],
  ])
  expect(looked.stdout).toMatch(/public\.visit +100 +61 +40 +1 +0/)
  expect(await sql('select count(*)::int as rows from look.visit')).toEqual([{ rows: 100 }])
  expect(await at.visits()).toBe(61)

  const merged = await at.run([...table, '--merge'])
  expect([merged.code, JSON.parse(merged.stdout)]).toMatchObject([
    0,
    { outcome: 'done', swapped: true, diffs: [{ now: { onlyInBackup: 40, onlyNow: 1 } }] },
  ])
  expect(await at.visits()).toBe(101)
  expect(await world.json(['restore', 'revert', SOURCE, ...table, ...byAnn])).toMatchObject({ outcome: 'done' })
  expect(await at.visits()).toBe(61)
  const replaced = await at.run([...table, '--replace', ...at.hooked])
  expect([replaced.code, await at.visits()]).toEqual([0, 100])
  const { restoreId } = JSON.parse(replaced.stdout)
  expect(await world.json(['restore', 'status', restoreId])).toMatchObject(
    ['accepted', 'compared', 'swapped', 'done'].map((event) => ({
      event,
      tables: [{ schema: 'public', name: 'visit' }],
    })),
  )
  const released = await world.json(['restore', 'release', SOURCE, ...table, ...byAnn])
  expect(released).toMatchObject({ dropped: [expect.stringMatching(/_before_/), expect.stringMatching(/_reverted_/)] })
})
