import { join } from 'node:path'
import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'
import { dies, expectOneTrueBackup, said, spawnAgent } from './agent-process.ts'
import { recoverByPage } from './recover-by-page.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
  await house.database('records')
})
afterAll(() => house[Symbol.asyncDispose]())

/** Minutes for this cluster. */
const SLOW = { maxRate: '128kB' }

test.concurrent.each<[string, string, { isSlow: boolean }]>([
  ['asking for a base', '"phase":"base"', { isSlow: true }],
  ['announcing the first part of a base', '"artifact":"base.tar', { isSlow: true }],
  ['sealing the base', '"phase":"seal"', { isSlow: false }],
  ['telling that it sealed the base', '"event":"backup.sealed"', { isSlow: false }],
])(
  'an agent killed while %s claims nothing false, and the base of its next attempt is whole',
  async (_title, words, { isSlow }) => {
    const cfg = house.config({ policy: { kind: 'base' } })
    const { runId } = await house.wish(cfg, { kind: 'base' })
    await using first = await spawnAgent(house, cfg, { policy: { kind: 'base', base: isSlow ? SLOW : {} } })
    await said(first, words)
    await dies(first, house, cfg)
    if (isSlow) expect(await house.facts(BackupSealed, (fact) => fact.runId === runId)).toEqual([])
    await using _second = await spawnAgent(house, cfg, { policy: { kind: 'base' } })
    const { backupId } = await expectOneTrueBackup(house, cfg, runId)
    await using recovered = await recoverByPage(house, [join(cfg.spool.path, 'backups', backupId)])
    expect(await recovered.query('records', 'SELECT count(*)::int AS rows FROM patient')).toEqual([{ rows: 20_000 }])
  },
  600_000,
)
