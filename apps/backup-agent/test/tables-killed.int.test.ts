import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { PartSealed } from '@lifeboat/shared/bus/messages/part.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'
import { dies, expectOneTrueBackup, said, spawnAgent } from './agent-process.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
  await house.database('records')
  await house.pg.query('records', 'CREATE TABLE small AS SELECT generate_series(1, 3) AS a')
  await house.pg.query(
    'records',
    'CREATE TABLE large AS SELECT g AS a, md5(g::text) AS b FROM generate_series(1, 9000) g',
  )
})
afterAll(() => house[Symbol.asyncDispose]())

/** The first table is there whole when the agent dies in the middle of what follows, which takes twenty seconds, and as long before that to be counted. */
const SLOW = { slow: 'SELECT a, b, pg_sleep(CASE WHEN a > 8600 THEN 0.05 ELSE 0 END)::text AS waited FROM large' }

test('an agent killed in the middle of an export leaves nothing that looks like one, and the next run has all of it', async () => {
  const tables = { list: ['small', 'large'] }
  const cfg = house.config({ database: 'records', policy: { kind: 'tables', tables } })
  const wish = await house.wish(cfg, { kind: 'tables' })
  await using first = await spawnAgent(house, cfg, { policy: { kind: 'tables', tables: { ...tables, queries: SLOW } } })
  await said(first, '"event":"part.sealed"')
  await dies(first, house, cfg)
  const [started] = await house.facts(BackupStarted, (fact) => fact.runId === wish.runId)
  expect(await house.facts(BackupSealed, (fact) => fact.runId === wish.runId)).toEqual([])
  expect(await house.facts(PartSealed, (fact) => fact.backupId === started?.backupId)).not.toEqual([])
  const left = await readdir(join(cfg.spool.path, 'backups', started?.backupId ?? ''))
  expect(left).not.toContain('manifest.json')
  await using _second = await spawnAgent(house, cfg, { policy: { kind: 'tables', tables } })
  const { backupId, exports } = await expectOneTrueBackup(house, cfg, wish.runId)
  expect(backupId).not.toBe(started?.backupId)
  expect(exports?.tables.map(({ title, rows }) => [title, rows])).toEqual([
    ['public.small', 3],
    ['public.large', 9000],
  ])
  const isOver = async () => expect((await house.ledger.get(wish.runId))?.state).toBe('succeeded')
  await vi.waitFor(isOver, { timeout: 150_000, interval: 200 })
}, 600_000)
