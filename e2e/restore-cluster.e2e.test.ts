import { freePort } from '@lifeboat/testkit/free-port.ts'
import { askRecovered } from '@lifeboat/testkit/runbooks/hosts.ts'
import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { offSiteNow, WEEKLY, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { backUp } from './support/backups.ts'
import { openRestoreWorld, type RestoreWorld } from './support/restore-world.ts'

const VISITS = 'select count(*)::int as rows from visit'

let at: RestoreWorld
let moment: string
beforeAll(async () => {
  at = await openRestoreWorld({ clusters: true, configure: withBasesAndWal })
  await backUp(at.world, [SOURCE, '--policy', WEEKLY], 'proven')
  moment = await offSiteNow(at.world)
  // Recovery stops before the first commit behind the moment: were that the truncation, its lock would keep everybody from the table.
  await at.world.source.postgres.query(at.world.source.database, 'create table somebody_elses ()')
  await at.lose()
  await offSiteNow(at.world)
})
afterAll(() => at?.[Symbol.asyncDispose]())

test('beside, on a signed command, the cluster of the moment before can be looked at, promoted and let go', async () => {
  const { world, byAnn, identityFile } = at
  const { password } = world.source.postgres
  const [port, database] = [await freePort(), world.source.database]
  const beside = ['--beside', '--port', String(port), '--until', moment]
  const plan = await world.cli(['restore', 'plan', SOURCE, ...beside, '--identity', identityFile])
  expect([plan.code, plan.stderr]).toEqual([0, expect.any(String)])
  for (const told of [/^what +cluster of/m, /^WAL +without a hole/m, /^beside .*on port/m, /^lost /m])
    expect(plan.stdout).toMatch(told)

  const { code, stdout, stderr } = await at.run(beside)
  expect([code, stderr]).toEqual([0, ''])
  const { restoreId, ...done } = JSON.parse(stdout)
  expect(done).toMatchObject({ outcome: 'done', swapped: false, cluster: { state: 'paused' } })
  const look = () => askRecovered({ port, database, password }, VISITS)
  expect([await look(), await at.visits()]).toEqual([[{ rows: 100 }], 0])
  const about = { place: 'beside', goal: { to: 'time', time: moment }, who: ['ann'] }
  expect(await world.json(['restore', 'status', restoreId])).toMatchObject([
    { event: 'accepted', ...about },
    { event: 'done', ...about },
  ])

  const further = [...byAnn, '--identity', identityFile]
  const back = await world.cli(['restore', 'move', SOURCE, ...further, '--until', '2020-01-01T00:00:00Z'])
  expect([back.code, back.stdout]).toEqual([7, expect.stringContaining('RESTORE_BACKWARD')])
  expect(await world.json(['restore', 'promote', SOURCE, ...further])).toMatchObject({ cluster: { state: 'promoted' } })
  expect(await look()).toEqual([{ rows: 100 }])
  expect(await world.json(['restore', 'release', SOURCE, '--beside', ...byAnn])).toMatchObject({ outcome: 'done' })
})

test('one table as of the moment before, out of the physical backup, on a signed command', async () => {
  const table = ['--table', 'visit', '--until', moment]
  const plan = await at.world.cli(['restore', 'plan', SOURCE, ...table, '--replace', '--identity', at.identityFile])
  expect([plan.code, plan.stdout]).toEqual([0, expect.stringMatching(/^note +The cluster is recovered to /m)])
  const { code, stdout, stderr } = await at.run([...table, '--replace'])
  expect([code, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout)).toMatchObject({
    outcome: 'done',
    diffs: [{ table: 'public.visit', rows: 100, now: { rows: 0 } }],
  })
  expect(await at.visits()).toBe(100)
  const byAnn = ['--table', 'visit', ...at.byAnn]
  expect(await at.world.json(['restore', 'revert', SOURCE, ...byAnn])).toMatchObject({ outcome: 'done' })
  expect(await at.visits()).toBe(0)
  await at.world.json(['restore', 'release', SOURCE, ...byAnn])
})

test('in place, on a signed command, the whole server goes back, backups go on, and what was there is put back and let go', async () => {
  const { world, byAnn } = at
  const hooks = ['--stop-hook', 'stop-pg', '--start-hook', 'start-pg']
  const { code, stdout, stderr } = await at.run(['--in-place', '--until', moment, ...hooks])
  expect([code, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout)).toMatchObject({ outcome: 'done', swapped: true, aside: expect.stringMatching(/_before_/) })
  expect(await at.visits()).toBe(100)
  await world.json(['backup', 'now', SOURCE, '--policy', WEEKLY, '--wait', 'stored'])

  expect(await world.json(['restore', 'revert', SOURCE, '--in-place', ...byAnn, ...hooks])).toMatchObject({
    outcome: 'done',
  })
  expect(await at.visits()).toBe(0)
  const released = await world.json(['restore', 'release', SOURCE, '--in-place', ...byAnn])
  expect(released).toMatchObject({ dropped: [expect.stringMatching(/_reverted_/)] })
})

test('in place with a look first: what the moment before held is seen beside the server that goes on, and then takes its place', async () => {
  const { world, byAnn, identityFile } = at
  const { password } = world.source.postgres
  const [port, database] = [await freePort(), world.source.database]
  const first = ['--in-place', '--pause', '--port', String(port), '--until', moment]
  const plan = await world.cli(['restore', 'plan', SOURCE, ...first, '--identity', identityFile])
  expect([plan.code, plan.stderr]).toEqual([0, expect.any(String)])
  for (const told of [/^in place .*, first on port/m, /^kept .*_before_<when>/m, /^note +Nothing is stopped before/m])
    expect(plan.stdout).toMatch(told)

  const { code, stdout, stderr } = await at.run(first)
  expect([code, stderr]).toEqual([0, ''])
  const { restoreId, ...done } = JSON.parse(stdout)
  expect(done).toMatchObject({ outcome: 'done', swapped: false, cluster: { place: 'in place', state: 'paused' } })
  expect([await askRecovered({ port, database, password }, VISITS), await at.visits()]).toEqual([[{ rows: 100 }], 0])
  const status = await world.cli(['restore', 'status', restoreId])
  expect(status.stdout).toContain('cluster in place, with a look first')

  const promote = ['restore', 'promote', SOURCE, '--in-place', ...byAnn, '--identity', identityFile]
  const without = await world.cli(promote)
  expect([without.code, without.stdout]).toEqual([7, expect.stringContaining('RESTORE_HOOKS_WANTED')])
  const hooks = ['--stop-hook', 'stop-pg', '--start-hook', 'start-pg']
  expect(await world.json([...promote, ...hooks])).toMatchObject({ outcome: 'done', swapped: true })
  expect(await at.visits()).toBe(100)
  expect(await world.json(['restore', 'release', SOURCE, '--in-place', ...byAnn])).toMatchObject({
    dropped: [expect.stringMatching(/_before_/)],
  })
})
