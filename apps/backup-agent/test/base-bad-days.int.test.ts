import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackupFailed, BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type Logger, silentLogger } from '@lifeboat/shared/log/logger.ts'
import { openCancels } from '@lifeboat/shared/run/cancels.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'
import { folderOf, physicalChange, ROLES, taken } from './physical-house.ts'
import { recoverByPage } from './recover-by-page.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse({ settings: { max_wal_size: '32MB', min_wal_size: '32MB' } })
  await house.database('records')
})
afterAll(() => house[Symbol.asyncDispose]())

/** Minutes, also for the smallest cluster. */
const SLOW = { policy: { base: { maxRate: '256kB' } } }

test('a page whose checksum does not hold is named in manifest and log, and the backup is there all the same', async () => {
  // A vacuum would write the page anew, over what is damaged.
  const settings = { autovacuum: 'off' }
  await using pg = await startPostgres({ dataChecksums: true, roles: ROLES, settings })
  await pg.query('postgres', 'CREATE TABLE hurt AS SELECT g FROM generate_series(1, 5000) g; CHECKPOINT')
  const [{ path }] = await pg.query('postgres', "SELECT pg_relation_filepath('hurt') AS path")
  const handle = await open(join(pg.dataDir, path), 'r+')
  await handle.write(Buffer.from('damage'), 0, 6, 8192 * 3 + 5000)
  await handle.close()
  const loud: string[] = []
  const log: Logger = { ...silentLogger, error: (facts) => void loud.push(JSON.stringify(facts)), child: () => log }
  const cfg = house.config(physicalChange('base', { port: pg.port, database: 'postgres' }))
  await using agent = await house.agent(cfg, log)
  const { backupId, physical } = await taken(house, agent, 'base')
  expect(physical.checksums).toEqual({ enabled: true, failures: [path] })
  expect(loud.join()).toContain('backup.checksums_failed')
  expect(await readFile(join(folderOf(agent, backupId), 'RECOVER.md'), 'utf8')).toContain(path)
})

test('a healthy cluster with checksums has no failures to tell of', async () => {
  await using pg = await startPostgres({ dataChecksums: true, roles: ROLES })
  const cfg = house.config(physicalChange('base', { port: pg.port, database: 'postgres' }))
  await using agent = await house.agent(cfg)
  expect((await taken(house, agent, 'base')).physical.checksums).toEqual({ enabled: true, failures: [] })
})

/** More than the sockets between server and agent can hold, and not to be compressed away. */
async function bigDatabase(): Promise<void> {
  await house.pg.query('postgres', 'CREATE DATABASE big')
  const noise = "string_agg(md5(random()::text || g || i), '')"
  const rows = `SELECT g, (SELECT ${noise} FROM generate_series(1, 25) i) AS noise FROM generate_series(1, 30000) g`
  await house.pg.query('big', `CREATE TABLE noise AS ${rows}`)
}

test('a base waits for a spool that is smaller than itself, and the server keeps the WAL it needs meanwhile', async () => {
  await bigDatabase()
  const spool = { maxBytes: 2_000_000, partBytes: 500_000, stalledAfterMs: 600_000 }
  const cfg = house.config(physicalChange('base', { spool }))
  await using agent = await house.agent(cfg)
  const { runId } = await house.wish(cfg, { kind: 'base' })
  const ours = (fact: PartSealed) => fact.agentId === cfg.agentId
  await house.fact(PartSealed, (fact) => ours(fact) && fact.part.no === 2)
  // Enough checkpoints for the server to forget where the backup began.
  for (let round = 0; round < 6; round += 1) {
    await house.pg.query('records', 'CREATE TABLE filler AS SELECT g, md5(g::text) FROM generate_series(1, 20000) g')
    await house.pg.query('records', 'DROP TABLE filler; SELECT pg_switch_wal(); CHECKPOINT')
  }
  expect(agent.deps.spool.room.used).toBeLessThanOrEqual(2_000_000)
  expect(await house.facts(BackupSealed, (fact) => fact.runId === runId)).toEqual([])
  const kept = new Map<string, Buffer>()
  let sealed: BackupSealed | undefined
  while (sealed === undefined) {
    // Asked first: all of its parts were told of before.
    sealed = (await house.facts(BackupSealed, (fact) => fact.runId === runId))[0]
    for (const { backupId, sourceId, agentId, artifact, part } of await house.facts(PartSealed, ours)) {
      const name = `${artifact}.${String(part.no).padStart(5, '0')}`
      if (kept.has(name)) continue
      kept.set(name, await readFile(join(folderOf(agent, backupId), name)))
      const about = { backupId, sourceId, agentId, artifact, partNo: part.no, bytes: part.bytes, durationMs: 1 }
      await house.bus.publish(PartStored, { ...about, targetId: 'north' as TargetId })
    }
    expect(await house.facts(BackupFailed, (fact) => fact.runId === runId)).toEqual([])
    await sleep(30)
  }
  const copy = join(house.folder, sealed.backupId)
  await mkdir(copy)
  for (const name of ['RECOVER.md', 'manifest.json'])
    await writeFile(join(copy, name), await readFile(join(folderOf(agent, sealed.backupId), name)))
  for (const [name, bytes] of kept) await writeFile(join(copy, name), bytes)
  await using recovered = await recoverByPage(house, [copy])
  expect(await recovered.query('records', 'SELECT count(*)::int AS rows FROM patient')).toEqual([{ rows: 20_000 }])
})

test.each([
  ['cancelled', 'RUN_CANCELLED'],
  ['overdue', 'RUN_OVERDUE'],
] as const)('a base that is %s ends at once, at the server too, and leaves nothing', async (why, code) => {
  const cfg = house.config(physicalChange('base', SLOW))
  await using agent = await house.agent(cfg)
  const { runId } = await house.wish(cfg, { kind: 'base' })
  const atServer = () => house.pg.query('postgres', 'SELECT pid FROM pg_stat_progress_basebackup')
  await expect.poll(atServer).toHaveLength(1)
  const cancels = await openCancels(house.bus, { signal: new AbortController().signal, log: silentLogger })
  await cancels.cancel({ runId, why, by: 'a test', at: moment(Date.now()) })
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === runId)
  expect(failed).toMatchObject({ error: { code }, willRetry: false })
  await expect.poll(atServer).toEqual([])
  await expect.poll(() => house.pg.query('postgres', 'SELECT slot_name FROM pg_replication_slots')).toEqual([])
  // The spool knows a backup no more as soon as its folder is renamed; the bytes and their room follow.
  const left = async () => [await readdir(join(agent.deps.spool.path, 'backups')), agent.deps.spool.room.used]
  await expect.poll(left).toEqual([[], 0])
})

test('a base that waits for a gentle checkpoint can be cancelled meanwhile', async () => {
  await using pg = await startPostgres({ roles: ROLES, settings: { checkpoint_timeout: '1h', autovacuum: 'off' } })
  await pg.query('postgres', "CREATE TABLE dirty AS SELECT g, repeat('x', 500) FROM generate_series(1, 40000) g")
  const policy = { base: { checkpoint: 'spread' } }
  const cfg = house.config(physicalChange('base', { port: pg.port, database: 'postgres', policy }))
  await using agent = await house.agent(cfg)
  const { runId } = await house.wish(cfg, { kind: 'base' })
  const atServer = () => pg.query('postgres', 'SELECT phase FROM pg_stat_progress_basebackup')
  await expect.poll(atServer).toEqual([{ phase: 'waiting for checkpoint to finish' }])
  const cancels = await openCancels(house.bus, { signal: new AbortController().signal, log: silentLogger })
  await cancels.cancel({ runId, why: 'cancelled', by: 'a test', at: moment(Date.now()) })
  expect(await house.fact(BackupFailed, (fact) => fact.runId === runId)).toMatchObject({ willRetry: false })
  await expect.poll(atServer).toEqual([])
  await expect.poll(() => agent.deps.spool.all()).toEqual([])
  expect(pg.log()).toContain('checkpoint starting:')
  expect(pg.log()).not.toContain('checkpoint complete')
})

test('a role that may not replicate fails the attempt by name, with the statement that repairs it', async () => {
  const cfg = house.config(physicalChange('base', { replicator: 'backup' }))
  await using _agent = await house.agent(cfg)
  const { runId } = await house.wish(cfg, { kind: 'base' })
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === runId)
  expect(failed).toMatchObject({ error: { code: 'SOURCE_REPLICATION_REFUSED' }, willRetry: true })
  expect(String(failed.error.facts.fix)).toContain('REPLICATION')
})

test('a server that dies in the middle of a base leaves no backup, and the next attempt brings one', async () => {
  await using pg = await startPostgres({ roles: ROLES })
  const to = { port: pg.port, database: 'postgres' }
  const cfg = house.config(physicalChange('base', { ...SLOW, ...to }))
  await using agent = await house.agent(cfg)
  const { runId } = await house.wish(cfg, { kind: 'base' })
  // Parts of small artifacts come before, while the connection for the base is not open yet.
  await house.fact(PartSealed, (fact) => fact.agentId === cfg.agentId && fact.artifact.startsWith('base'))
  cfg.policies = house.config(physicalChange('base', to)).policies
  await pg.restart('immediate')
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === runId)
  expect(failed).toMatchObject({ error: { code: 'SOURCE_CONNECTION_LOST' }, willRetry: true })
  const sealed = await house.fact(BackupSealed, (fact) => fact.runId === runId)
  expect(sealed.backupId).not.toBe(failed.backupId)
  expect(await readdir(join(agent.deps.spool.path, 'backups'))).toEqual([sealed.backupId])
})
