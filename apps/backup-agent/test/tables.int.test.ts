import { execFileSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { measureExport } from '@lifeboat/postgres/table-export/measure-export.ts'
import { BackupFailed, BackupSealed, BackupStarted, BackupUnchanged } from '@lifeboat/shared/bus/messages/backup.ts'
import type { RunId } from '@lifeboat/shared/domain/ids.ts'
import { TableExport } from '@lifeboat/shared/domain/table-export.ts'
import { installHardDatabase } from '@lifeboat/testkit/hard-database/install.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentChange, type AgentHouse, openAgentHouse, type RunningAgent } from './agent-house.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
  await house.database('records')
})
afterAll(() => house[Symbol.asyncDispose]())

const exporting = (tables: object, more: object = {}): Partial<AgentChange> => ({
  database: 'records',
  policy: { kind: 'tables', tables, ...more },
})

async function sealed(agent: RunningAgent): Promise<BackupSealed> {
  const { runId } = await house.wish(agent.deps.cfg, { kind: 'tables' })
  return sealedBy(runId)
}

/** A failed attempt ends the wait: nobody is to sit through the time a repetition takes. */
async function sealedBy(runId: RunId): Promise<BackupSealed> {
  const failed = house.fact(BackupFailed, (fact) => fact.runId === runId)
  failed.catch(() => {})
  const told = await Promise.race([house.fact(BackupSealed, (fact) => fact.runId === runId), failed])
  if ('error' in told) throw new Error(JSON.stringify(told.error))
  return told
}

async function failure(agent: RunningAgent): Promise<BackupFailed> {
  const wish = await house.wish(agent.deps.cfg, { kind: 'tables' })
  return house.fact(BackupFailed, (fact) => fact.runId === wish.runId)
}

const folderOf = (agent: RunningAgent, backupId: string) => join(agent.deps.spool.path, 'backups', backupId)

function read(folder: string, artifact: string): string {
  const script = `cat ${artifact}.[0-9]* | age -d -i "$IDENTITY" | zstd -d`
  const env = { PATH: process.env.PATH ?? '', IDENTITY: house.identityFile }
  return execFileSync('sh', ['-c', script], { cwd: folder, env, encoding: 'utf8', maxBuffer: 1e9 })
}

/** The shell blocks of the page, word by word, into an empty database. */
async function recoverByPage(folder: string, database: string): Promise<void> {
  await house.pg.query('postgres', `CREATE DATABASE "${database}" TEMPLATE template0`)
  const env = {
    ...{ PATH: `${house.pg.binDir}:${process.env.PATH}`, IDENTITY: house.identityFile, LC_ALL: 'C.UTF-8' },
    ...{ PGHOST: house.pg.socketDir, PGPORT: String(house.pg.port), PGUSER: 'postgres', PGDATABASE: database },
  }
  const page = await readFile(join(folder, 'RECOVER.md'), 'utf8')
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, script]) => script ?? '')
  expect(blocks.length).toBeGreaterThan(4)
  for (const script of blocks)
    execFileSync('sh', ['-ec', script], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

function superuser(database: string) {
  return { host: house.pg.socketDir, port: house.pg.port, user: 'postgres', sslmode: 'disable' as const, database }
}

async function measuredIn(database: string, { tables }: TableExport) {
  await using client = await connectSource(superuser(database), { applicationName: 'test', lockTimeoutMs: 10_000 })
  await client.query('begin')
  await pinSettings(client)
  const found = []
  for (const { title, schema, name, columns } of tables)
    found.push({ title, ...(await measureExport(client, { schema, name, columns })) })
  return found
}

test('tables and queries of one snapshot come with everything needed to load them, and the page does it', async () => {
  await using agent = await house.agent(
    house.config(
      exporting({ list: ['patient', '"Größe"'], queries: { few: 'SELECT id, name FROM patient WHERE id < 10;' } }),
    ),
  )
  const { backupId, summary, exports } = await sealed(agent)
  const folder = folderOf(agent, backupId)
  expect(summary).toMatchObject({ tables: 3, rows: 20_011 })
  expect(exports?.tables.map(({ title, rows }) => [title, rows])).toEqual([
    ['public.patient', 20_000],
    ['public."Größe"', 2],
    ['few', 9],
  ])
  const sidecar = TableExport.parse(JSON.parse(read(folder, 'tables.json.zst.age')))
  expect(sidecar).toMatchObject({
    encoding: 'UTF8',
    sequences: [{ name: 'patient_id_seq', lastValue: '20000', isCalled: true }],
  })
  expect(read(folder, 'public.patient.csv.zst.age').split('\n').slice(0, 2)).toEqual([
    'id,name,data',
    expect.stringMatching(/^1,p1,"\{""h""/),
  ])
  await recoverByPage(folder, 'by_page')
  expect(await measuredIn('by_page', sidecar)).toEqual(
    sidecar.tables.map(({ title, rows, hash }) => ({ title, rows, hash })),
  )
})

test('every table of the hard database comes back equal by the page', async () => {
  await installHardDatabase(house.pg, { toast: false })
  await using agent = await house.agent(house.config({ ...exporting({ list: ['clinic.*'] }), database: 'hard' }))
  const { backupId, exports } = await sealed(agent)
  expect(exports?.tables.length).toBeGreaterThan(30)
  const folder = folderOf(agent, backupId)
  const sidecar = TableExport.parse(JSON.parse(read(folder, 'tables.json.zst.age')))
  await recoverByPage(folder, 'hard_by_page')
  expect(await measuredIn('hard_by_page', sidecar)).toEqual(
    sidecar.tables.map(({ title, rows, hash }) => ({ title, rows, hash })),
  )
})

test('a run that finds nothing changed writes nothing and refers to the export before', async () => {
  await house.pg.query('records', 'CREATE TABLE quiet (a int, b text); INSERT INTO quiet VALUES (1, NULL)')
  await using agent = await house.agent(house.config(exporting({ list: ['quiet'] })))
  const first = await sealed(agent)
  const wish = await house.wish(agent.deps.cfg, { kind: 'tables' })
  const unchanged = await house.fact(BackupUnchanged, (fact) => fact.runId === wish.runId)
  expect(unchanged.backupId).toBe(first.backupId)
  const ended = { state: 'succeeded', unchanged: true, backupId: first.backupId }
  await expect.poll(() => house.ledger.get(wish.runId)).toMatchObject(ended)
  expect(await house.facts(BackupStarted, ({ runId }) => runId === wish.runId)).toEqual([])
  await expect.poll(() => readdir(join(agent.deps.spool.path, 'backups'))).toEqual([first.backupId])
  const catalog = await KvCatalog.open(house.bus)
  await catalog.apply({ subject: 'backup.sealed', data: first })
  await catalog.apply({ subject: 'backup.unchanged', data: unchanged })
  expect(await catalog.get(first.backupId)).toMatchObject({ unchangedAt: unchanged.unchangedAt })

  // One value, the same number of rows: the hash sees it.
  await house.pg.query('records', `UPDATE quiet SET b = ''`)
  expect((await sealed(agent)).backupId).not.toBe(first.backupId)
})

test('an export that a drill spoke against is not referred to', async () => {
  await using agent = await house.agent(house.config(exporting({ list: ['"Größe"'] })))
  const first = await sealed(agent)
  const catalog = await KvCatalog.open(house.bus)
  await catalog.apply({ subject: 'backup.sealed', data: first })
  const drillId = '20260101T000000Z-drill-abcdef' as never
  await catalog.apply({
    subject: 'drill.finished',
    data: {
      ...first,
      drillId,
      targetId: 'north' as never,
      verdict: 'failed',
      reasons: ['flipped'],
      finishedAt: first.sealedAt,
    },
  })
  expect((await sealed(agent)).backupId).not.toBe(first.backupId)
})

test('a dropped column is exported anew, and told', async () => {
  await house.pg.query('records', 'CREATE TABLE shrinking (a int, gone text); INSERT INTO shrinking VALUES (1, 2)')
  await using agent = await house.agent(house.config(exporting({ list: ['shrinking'] })))
  const first = await sealed(agent)
  await house.pg.query('records', 'ALTER TABLE shrinking DROP COLUMN gone; DELETE FROM shrinking')
  const second = await sealed(agent)
  expect(second.exports?.notes).toEqual([
    `column gone of public.shrinking is gone since ${first.backupId}`,
    `public.shrinking is empty; it had 1 rows in ${first.backupId}`,
  ])
  expect(read(folderOf(agent, second.backupId), 'public.shrinking.csv.zst.age')).toBe('a\n')
})

test('a table that is not there, or is none, is named', async () => {
  await house.pg.query('records', 'CREATE VIEW seen AS SELECT 1 AS a')
  await using agent = await house.agent(house.config(exporting({ list: ['patient', 'nowhere', 'seen', 'empty.*'] })))
  const { error } = await failure(agent)
  expect(error).toMatchObject({ code: 'SOURCE_TABLE_MISSING', facts: { problems: expect.any(Array) } })
  expect(error.facts.problems).toEqual([
    'there is no table public.nowhere',
    'public.seen is a view: export it as a query, SELECT * FROM public.seen',
    'no table is in schema "empty"',
  ])
})

test('a right that is missing comes with its GRANT', async () => {
  await house.pg.query('records', 'CREATE SCHEMA closed; CREATE TABLE closed.secret (id serial)')
  await using agent = await house.agent(house.config({ ...exporting({ list: ['closed.secret'] }), user: 'weak' }))
  const { error } = await failure(agent)
  expect(error).toMatchObject({ code: 'SOURCE_RIGHTS_MISSING' })
  expect(error.facts.fix).toEqual([
    'GRANT USAGE ON SCHEMA "closed" TO "weak";',
    'GRANT SELECT ON TABLE "closed"."secret" TO "weak";',
    'GRANT SELECT ON SEQUENCE closed.secret_id_seq TO "weak";',
  ])
})

test('a locked table is waited for as long as the policy says, not longer', async () => {
  await house.pg.query('records', 'CREATE TABLE busy (a int)')
  await using agent = await house.agent(house.config(exporting({ list: ['busy'] }, { lockTimeout: '300ms' })))
  await using holder = await connectSource(superuser('records'), { applicationName: 'test', lockTimeoutMs: 0 })
  await holder.query('BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE')
  expect((await failure(agent)).error.code).toBe('SOURCE_LOCKED')
})

test('a table cannot vanish once its export has begun: who drops it waits', async () => {
  await house.pg.query('records', `CREATE TABLE doomed AS SELECT g AS a FROM generate_series(1, 5) g`)
  await using gate = await connectSource(superuser('records'), { applicationName: 'gate', lockTimeoutMs: 0 })
  await gate.query('SELECT pg_advisory_lock(1)')
  const held = 'SELECT a, pg_advisory_xact_lock_shared(1)::text AS waited FROM doomed'
  await using agent = await house.agent(house.config(exporting({ list: ['doomed'], queries: { held } })))
  const wish = await house.wish(agent.deps.cfg, { kind: 'tables' })
  const isLocked = async (how: string) => {
    const locks = `SELECT FROM pg_locks WHERE relation = 'doomed'::regclass AND pid <> pg_backend_pid()`
    return (await house.pg.query('records', `${locks} AND ${how}`)).length > 0
  }
  await expect.poll(() => isLocked(`mode = 'AccessShareLock' AND granted`)).toBe(true)
  const dropped = house.pg.query('records', 'DROP TABLE doomed')
  await expect.poll(() => isLocked(`mode = 'AccessExclusiveLock' AND NOT granted`)).toBe(true)
  await gate.query('SELECT pg_advisory_unlock(1)')
  const { exports } = await sealedBy(wish.runId)
  expect(exports?.tables.map(({ rows }) => rows)).toEqual([5, 5])
  await dropped
})

test('a query that is none is the policy’s fault and not tried twice', async () => {
  await using agent = await house.agent(house.config(exporting({ queries: { bad: 'SELEC 1' } })))
  const { error, willRetry } = await failure(agent)
  expect(error).toMatchObject({ code: 'SOURCE_QUERY_UNFIT', facts: { query: 'bad' } })
  expect(willRetry).toBe(false)
})

test('an agent that was started anew still knows its last export', async () => {
  await house.pg.query('records', 'CREATE TABLE still (a int)')
  const cfg = house.config(exporting({ list: ['still'] }))
  let first: BackupSealed
  let runId: RunId
  {
    await using agent = await house.agent(cfg)
    first = await sealed(agent)
  }
  {
    await using agent = await house.agent(cfg)
    ;({ runId } = await house.wish(cfg, { kind: 'tables' }))
    await house.fact(BackupUnchanged, (fact) => fact.runId === runId)
    expect(agent.deps.spool.get(first.backupId)).toBeDefined()
  }
  await expect.poll(async () => (await house.ledger.get(runId))?.state).toBe('succeeded')
})
