import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connectSource } from '@lifeboat/postgres/connection.ts'
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

/** What follows the tables is counted, and then comes to no end as long as somebody holds this lock. */
const GATE = 7
const HELD = {
  held: `SELECT a, b, CASE WHEN a = 9000 AND current_query() LIKE 'COPY%' THEN pg_advisory_xact_lock_shared(${GATE})::text END AS waited FROM large`,
}

test('an agent killed in the middle of an export leaves nothing that looks like one, and the next run has all of it', async () => {
  const tables = { list: ['small', 'large'] }
  const cfg = house.config({ database: 'records', policy: { kind: 'tables', tables } })
  const { socketDir: host, port } = house.pg
  const to = { host, port, user: 'postgres', database: 'records', sslmode: 'disable' } as const
  await using gate = await connectSource(to, { applicationName: 'gate', lockTimeoutMs: 0 })
  await gate.query(`SELECT pg_advisory_lock(${GATE})`)
  const wish = await house.wish(cfg, { kind: 'tables' })
  await using first = await spawnAgent(house, cfg, { policy: { kind: 'tables', tables: { ...tables, queries: HELD } } })
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
