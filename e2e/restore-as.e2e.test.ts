import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRestoreWorld, type RestoreWorld } from './support/restore-world.ts'
import { addSecondServer, STAGING } from './support/second-server.ts'

let at: RestoreWorld
beforeAll(async () => {
  at = await openRestoreWorld()
})
afterAll(() => at?.[Symbol.asyncDispose]())

const VISITS = 'select count(*)::int as rows from visit'

test('a database comes back beside itself under a new name, for a look, and goes again', async () => {
  const { world, backupId, byAnn } = at
  const { postgres } = world.source
  await at.lose()
  const as = ['--as', 'records_look']
  const plan = await world.cli(['restore', 'plan', SOURCE, ...as])
  expect([plan.code, plan.stdout]).toEqual([0, expect.stringContaining(backupId)])
  for (const told of [
    /^what +database records_fhir_platform of records as records_look/m,
    /nothing that is there is t/,
  ])
    expect(plan.stdout).toMatch(told)
  expect(await world.json(['restore', 'plan', SOURCE, ...as])).toMatchObject({ newDatabase: { name: 'records_look' } })
  const stopping = await at.run([...as, '--stop-hook', 'stop-app'])
  expect([stopping.code, stopping.stdout]).toEqual([2, expect.stringContaining('only --ready-hook')])

  const { code, stdout, stderr } = await at.run([...as, '--ready-hook', 'check-app'])
  expect([code, stderr]).toEqual([0, ''])
  const { restoreId, ...done } = JSON.parse(stdout)
  expect(done).toMatchObject({ outcome: 'done', swapped: false, newDatabase: 'records_look', plan: { sessions: [] } })
  expect([await at.visits(), await postgres.query('records_look', VISITS)]).toEqual([0, [{ rows: 100 }]])
  const status = await world.cli(['restore', 'status', restoreId])
  expect(status.stdout).toContain('restore records (as records_look, ready hook check-app)')

  const taken = await world.cli(['restore', 'plan', SOURCE, ...as])
  expect([taken.code, taken.stdout]).toEqual([7, expect.stringContaining('RESTORE_NAME_TAKEN')])
  const revert = await world.cli(['restore', 'revert', SOURCE, ...byAnn, ...as])
  expect([revert.code, revert.stderr]).toEqual([2, expect.stringContaining('has replaced nothing')])
  const released = await world.json(['restore', 'release', SOURCE, ...byAnn, ...as])
  expect(released).toMatchObject({ dropped: ['records_look'] })
})

test('a database comes onto the server of another source, whose agent obeys its own operators alone', async () => {
  const { world, backupId, identityFile } = at
  await using second = await addSecondServer(world)
  const onto = ['--onto', STAGING, '--identity', identityFile]
  const by = (name: 'ann' | 'ben') => ['--key', at.keyFile(name), '--why', 'a rehearsal', '--json']
  const plan = await world.cli(['restore', 'plan', SOURCE, ...onto])
  expect([plan.code, plan.stdout]).toEqual([0, expect.stringContaining(backupId)])
  expect(plan.stdout).toMatch(/^what .* of records as records_fhir_platform, onto the server of staging, .* db2$/m)

  const meant = (source: string) => ['--yes-i-mean', source]
  const mistaken = await world.cli(['restore', 'run', SOURCE, ...onto, ...by('ben'), ...meant(SOURCE)])
  expect(mistaken.code).toBe(2)
  const stranger = await world.cli(['restore', 'run', SOURCE, ...onto, ...by('ann'), ...meant(STAGING)])
  expect([stranger.code, JSON.parse(stranger.stdout)]).toMatchObject([7, { error: { code: 'RESTORE_STRANGER' } }])

  const told = await world.cli(['restore', 'run', SOURCE, ...onto, ...by('ben'), ...meant(STAGING)])
  const { restoreId, ...done } = JSON.parse(told.stdout)
  expect([told.code, done]).toMatchObject([0, { outcome: 'done', swapped: false, agentId: 'db2' }])
  expect(await second.postgres.query('records_fhir_platform', VISITS)).toEqual([{ rows: 100 }])
  const may = `select has_table_privilege('${world.source.user}', 'visit', 'select') as read`
  expect(await second.postgres.query('records_fhir_platform', may)).toEqual([{ read: true }])
  const status = await world.json<object[]>(['restore', 'status', restoreId])
  const about = { who: ['ben'], agentId: 'db2', sourceId: STAGING, newDatabase: { copiesOf: SOURCE } }
  expect(status).toMatchObject([
    { event: 'accepted', ...about },
    { event: 'done', ...about },
  ])

  const again = await world.cli(['restore', 'plan', SOURCE, ...onto])
  expect([again.code, again.stdout]).toEqual([7, expect.stringContaining('RESTORE_NAME_TAKEN')])
  const release = ['restore', 'release', SOURCE, '--onto', STAGING, ...by('ben').slice(0, -1), ...meant(STAGING)]
  expect(await world.json(release)).toMatchObject({ dropped: ['records_fhir_platform'] })
})
