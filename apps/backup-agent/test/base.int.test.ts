import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'
import { contentsOf, fingerprintOf, folderOf, manifestOf, physicalChange, taken } from './physical-house.ts'
import { recoverByPage } from './recover-by-page.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
  await house.database('records')
})
afterAll(() => house[Symbol.asyncDispose]())

test('RECOVER.md of a base, followed word by word, brings the whole cluster back', async () => {
  await using agent = await house.agent(house.config(physicalChange('base')))
  const { backupId, physical, summary } = await taken(house, agent, 'base')
  expect(summary).toMatchObject({ tables: null, rows: null, databaseBytes: expect.any(Number) })
  expect(physical).toMatchObject({ timeline: 1, chain: 0, fromStandby: false, segmentBytes: 16_777_216 })
  const manifest = await manifestOf(house, agent, backupId)
  expect(manifest.physical).toEqual(physical)
  expect(manifest.artifacts.map(({ role, name }) => [role, name])).toEqual([
    ['base', 'base.tar.zst.age'],
    ['backup-manifest', 'backup_manifest.zst.age'],
  ])
  await using recovered = await recoverByPage(house, [folderOf(agent, backupId)])
  expect(recovered.said.join('')).toContain('backup successfully verified')
  await using copy = await recovered.connect('records')
  expect(await fingerprintOf(copy)).toEqual(await contentsOf(house, 'records'))
  expect(await recovered.query('postgres', 'SHOW archive_mode')).toEqual([{ archive_mode: 'off' }])
})
