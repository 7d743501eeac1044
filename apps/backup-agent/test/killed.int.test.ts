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

test.concurrent.each<[string, string, { held: boolean }]>([
  ['taking its snapshot', '"phase":"inspect"', { held: true }],
  ['beginning the fingerprint', '"phase":"fingerprint"', { held: true }],
  ['dumping the roles', '"phase":"globals"', { held: true }],
  ['dumping the database', '"phase":"dump"', { held: true }],
  ['announcing its first part', '"event":"part.sealed"', { held: true }],
  ['sealing', '"phase":"seal"', { held: false }],
  ['telling that it sealed', '"event":"backup.sealed"', { held: false }],
])(
  'an agent killed while %s claims nothing false, and after its restart the run completes',
  async (_title, words, { held }) => {
    await using fake = await fakePgDump(house.pg.binDir, { kind: 'waits' })
    const cfg = house.config({ database: 'records' })
    const wish = await house.wish(cfg)
    await using first = await spawnAgent(house, cfg, { toolPaths: held ? [fake.folder] : [] })
    await said(first, words)
    await dies(first, house, cfg)
    if (held) expect(await house.facts(BackupSealed, (fact) => fact.runId === wish.runId)).toEqual([])
    await using _second = await spawnAgent(house, cfg, {})
    await expectOneTrueBackup(house, cfg, wish.runId)
    const isOver = async () => expect((await house.ledger.get(wish.runId))?.state).toBe('succeeded')
    await vi.waitFor(isOver, { timeout: 150_000, interval: 200 })
  },
  600_000,
)
