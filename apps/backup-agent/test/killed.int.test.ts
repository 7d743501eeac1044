import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { fakePgDump } from '@lifeboat/testkit/fake-tools/fake-pg-dump.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'
import { dies, expectOneTrueBackup, said, spawnAgent } from './agent-process.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
  await house.database('records')
})
afterAll(() => house[Symbol.asyncDispose]())

test.concurrent.each<[string, string, { slow: boolean }]>([
  ['taking its snapshot', '"phase":"inspect"', { slow: true }],
  ['beginning the fingerprint', '"phase":"fingerprint"', { slow: true }],
  ['dumping the roles', '"phase":"globals"', { slow: true }],
  ['dumping the database', '"phase":"dump"', { slow: true }],
  ['announcing its first part', '"event":"part.sealed"', { slow: true }],
  ['sealing', '"phase":"seal"', { slow: false }],
  ['telling that it sealed', '"event":"backup.sealed"', { slow: false }],
])(
  'an agent killed while %s claims nothing false, and after its restart the run completes',
  async (_title, words, { slow }) => {
    await using fake = await fakePgDump(house.pg.binDir, { kind: 'is slow', beforeMs: 20_000 })
    const cfg = house.config({ database: 'records' })
    const wish = await house.wish(cfg)
    await using first = await spawnAgent(house, cfg, { toolPaths: slow ? [fake.folder] : [] })
    await said(first, words)
    await dies(first, house, cfg)
    if (slow) expect(await house.facts(BackupSealed, (fact) => fact.runId === wish.runId)).toEqual([])
    await using _second = await spawnAgent(house, cfg, {})
    await expectOneTrueBackup(house, cfg, wish.runId)
    const isOver = async () => expect((await house.ledger.get(wish.runId))?.state).toBe('succeeded')
    await vi.waitFor(isOver, { timeout: 150_000, interval: 200 })
  },
  600_000,
)
