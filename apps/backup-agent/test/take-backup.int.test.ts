import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackupFailed, BackupRequested, BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import {
  type AgentId,
  type ArtifactName,
  moment,
  newBackupId,
  type SourceId,
  type TargetId,
} from '@lifeboat/shared/domain/ids.ts'
import { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { verifySigned } from '@lifeboat/shared/signing/signing.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type AgentHouse, openAgentHouse, PASSWORD, POLICY, type RunningAgent, SOURCE, TOKEN } from './agent-house.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
  await house.database('records')
})
afterAll(() => house[Symbol.asyncDispose]())

const folderOf = (agent: RunningAgent, backupId: string) => join(agent.deps.spool.path, 'backups', backupId)
const sealedOf = (runId: string) => house.fact(BackupSealed, (fact) => fact.runId === runId)

async function manifestOf(agent: RunningAgent, backupId: string): Promise<Manifest> {
  const text = await readFile(join(folderOf(agent, backupId), 'manifest.json'), 'utf8')
  const { signer, document } = await verifySigned(text, 'lifeboat-manifest', {
    [agent.deps.cfg.agentId]: house.publicKey,
  })
  expect(signer).toBe(agent.deps.cfg.agentId)
  return Manifest.parse(document)
}

test('the same wish five times is one backup', async () => {
  const cfg = house.config({ database: 'records' })
  await using agent = await house.agent(cfg)
  const wish = await house.wish(cfg)
  // The bus itself drops repetitions of one run id, so others come by a different door.
  const { subject, version } = BackupRequested
  const repeat = (again: number) =>
    house.bus.publish(
      { ...BackupRequested, subject, version, dedupeKey: () => `${wish.runId}-${again}`, route: () => cfg.agentId },
      wish,
    )
  for (const again of [1, 2, 3]) await repeat(again)
  await sealedOf(wish.runId)
  const isOver = async () =>
    expect(await house.ledger.get(wish.runId)).toMatchObject({ state: 'succeeded', attempt: 1 })
  await vi.waitFor(isOver, 90_000)
  expect(await readdir(join(agent.deps.spool.path, 'backups'))).toHaveLength(1)
  // Once more when the uploaders have carried everything away and only the ledger remembers.
  for (const spooled of agent.deps.spool.all()) await agent.deps.spool.drop(spooled)
  await repeat(4)
  await sleep(1_500)
  expect(await house.facts(BackupStarted, (fact) => fact.runId === wish.runId)).toHaveLength(1)
  expect(await house.facts(BackupSealed, (fact) => fact.runId === wish.runId)).toHaveLength(1)
})

test('a backup that comes through has its source looked at again at once, where a look was refused before', async () => {
  await house.pg.query(
    'postgres',
    `CREATE ROLE late LOGIN PASSWORD 'another' BYPASSRLS; GRANT pg_read_all_data TO late; ALTER ROLE late SET lo_compat_privileges = on`,
  )
  const cfg = house.config({ database: 'records', user: 'late' })
  await using agent = await house.agent(cfg)
  const refusal = () => agent.deps.footings.all().find(({ part }) => part === 'source')?.error?.code
  await expect.poll(refusal).toBe('SOURCE_AUTH_REFUSED')
  await house.pg.query('postgres', `ALTER ROLE late PASSWORD '${PASSWORD}'`)
  const wish = await house.wish(cfg)
  await sealedOf(wish.runId)
  // By itself it would be looked at five minutes after the refusal.
  await expect.poll(refusal).toBeUndefined()
})

test('the signed manifest describes every byte that is in the spool', async () => {
  const cfg = house.config({ database: 'records' })
  await using agent = await house.agent(cfg)
  const wish = await house.wish(cfg)
  const sealed = await sealedOf(wish.runId)
  const manifest = await manifestOf(agent, sealed.backupId)
  expect(manifest).toMatchObject({
    ...{ runId: wish.runId, database: 'records', summary: { tables: 2, rows: 20_002 }, requiredCopies: 1 },
    tools: { pg_dump: expect.stringContaining('PostgreSQL'), zstd: expect.any(String), age: expect.any(String) },
  })
  expect([manifest.recipients, sealed.recipients]).toEqual([cfg.recipients, cfg.recipients])
  expect(manifest.artifacts.map(({ role }) => role)).toEqual(['database', 'globals', 'fingerprint'])
  const announced = await house.facts(PartSealed, (fact) => fact.backupId === sealed.backupId)
  for (const { name, parts, bytes, sha256 } of manifest.artifacts) {
    const whole = createHash('sha256')
    for (const part of parts) {
      const file = `${name}.${String(part.no).padStart(5, '0')}`
      const content = await readFile(join(folderOf(agent, sealed.backupId), file))
      expect(createHash('sha256').update(content).digest('hex')).toBe(part.sha256)
      expect(createHash('md5').update(content).digest('hex')).toBe(part.md5)
      expect(content.length).toBe(part.bytes)
      expect(announced).toContainEqual(expect.objectContaining({ artifact: name, part }))
      whole.update(content)
    }
    expect([whole.digest('hex'), parts.reduce((sum, part) => sum + part.bytes, 0)]).toEqual([sha256, bytes])
  }
  expect(manifest.artifacts[0]?.parts.length).toBeGreaterThan(1)
})

test('RECOVER.md, followed word by word, brings the database and its roles back', async () => {
  await house.pg.query('postgres', "CREATE ROLE clinician LOGIN PASSWORD 'x'")
  await house.pg.query('records', 'GRANT SELECT ON patient TO clinician')
  await house.pg.query('postgres', "ALTER DATABASE records SET work_mem = '5MB'")
  const cfg = house.config({ database: 'records' })
  await using agent = await house.agent(cfg)
  const { backupId } = await sealedOf((await house.wish(cfg)).runId)
  const copy = join(house.folder, 'fetched')
  await cp(folderOf(agent, backupId), copy, { recursive: true })
  const page = await readFile(join(copy, 'RECOVER.md'), 'utf8')
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, script]) => script ?? '')
  const verify = [...page.matchAll(/^```text\n(node -e [\s\S]*?)^```/gm)].map(([, script]) => script ?? '')
  expect([blocks.length, verify.length]).toEqual([6, 1])

  await using scratch = await startPostgres({ major: house.pg.major })
  const env = {
    PATH: `${scratch.binDir}:${process.env.PATH}`,
    ...{ IDENTITY: house.identityFile, SIGNER: house.publicKey },
    ...{ PGHOST: scratch.socketDir, PGPORT: String(scratch.port), PGUSER: 'postgres' },
  }
  const said = [...blocks, ...verify].map((script) =>
    execFileSync('sh', ['-ec', script], { cwd: copy, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
  )
  expect(JSON.parse(said[1] ?? '')).toMatchObject({ backupId })
  expect(said.at(-1)).toContain('the signature holds')
  const [row] = await scratch.query(
    'records',
    `SELECT (SELECT count(*)::int FROM patient) AS rows, current_setting('work_mem') AS mem,
      has_table_privilege('clinician', 'patient', 'SELECT') AS may, (SELECT convert_from(lo_get(oid), 'UTF8') FROM pg_largeobject_metadata) AS lo`,
  )
  expect(row).toEqual({ rows: 20_000, mem: '5MB', may: true, lo: 'large object' })
})

test('a wish for a source nobody configured becomes a dead letter, and its run is failed', async () => {
  const cfg = house.config()
  await using agent = await house.agent(cfg)
  const wish = await house.wish(cfg, { sourceId: 'nowhere' as SourceId })
  await vi.waitFor(
    () =>
      expect(house.deadLetters).toContainEqual(
        expect.objectContaining({ error: expect.objectContaining({ code: 'SOURCE_UNKNOWN' }) }),
      ),
    90_000,
  )
  expect(house.deadLetters.some(({ excerpt }) => excerpt.includes(wish.runId))).toBe(true)
  expect(agent.deps.spool.all()).toEqual([])
})

test('parts have their MD5 until each of their targets has said that it does without', async () => {
  const cfg = house.config({ database: 'records' })
  await using agent = await house.agent(cfg)
  const taken = async () => {
    const { backupId } = await sealedOf((await house.wish(cfg)).runId)
    const told = await house.facts(PartSealed, (fact) => fact.backupId === backupId)
    return told.map(({ part }) => part.md5)
  }
  const said = async (target: string) => {
    const about = { backupId: newBackupId('dump', Date.now()), sourceId: SOURCE, agentId: cfg.agentId }
    const part = { artifact: 'db.dump.age' as ArtifactName, partNo: 0, bytes: 1, durationMs: 1 }
    const targetId = target as TargetId
    await house.bus.publish(PartStored, { ...about, ...part, targetId, withoutMd5: true })
    await vi.waitFor(() => expect(agent.deps.withoutMd5).toContain(targetId), 90_000)
  }
  await said('south')
  expect(await taken()).not.toContain(undefined)
  await said('north')
  expect(new Set(await taken())).toEqual(new Set([undefined]))
})

test('a part leaves the spool when as many targets hold it as the policy demands, and the rest with the copies', async () => {
  const cfg = house.config({
    database: 'records',
    policy: { targets: ['north', 'south', 'west'], copies: { required: 2 } },
  })
  await using agent = await house.agent(cfg)
  const { backupId } = await sealedOf((await house.wish(cfg)).runId)
  const parts = await house.facts(PartSealed, (fact) => fact.backupId === backupId)
  const url = (name: string) => `http://127.0.0.1:${agent.deps.port}/backups/${backupId}/${name}`
  const name = `${parts[0]?.artifact}.00000`
  const get = (file: string, headers: Record<string, string> = {}) =>
    fetch(url(file), { headers: { authorization: `Bearer ${TOKEN}`, ...headers } })
  const stored = (targetId: string) =>
    Promise.all(
      parts.map(({ artifact, part, sourceId, agentId }) =>
        house.bus.publish(PartStored, {
          ...{ backupId, sourceId, agentId, artifact, partNo: part.no, bytes: part.bytes, durationMs: 1 },
          targetId: targetId as TargetId,
        }),
      ),
    )
  const before = agent.deps.spool.room.used
  await stored('north')
  await stored('north')
  await sleep(500)
  expect((await get(name)).status).toBe(200)
  expect(agent.deps.spool.room.used).toBe(before)
  await stored('west')
  await vi.waitFor(async () => expect((await get(name)).status).toBe(410), 90_000)
  await vi.waitFor(() => expect(agent.deps.spool.room.used).toBe(0), 90_000)
  expect((await get('manifest.json')).status).toBe(200)
  for (const targetId of ['north', 'west'] as TargetId[]) {
    const about = { backupId, sourceId: SOURCE, policyId: POLICY, agentId: cfg.agentId, kind: 'dump' as const }
    await house.bus.publish(CopyStored, { ...about, targetId, storedAt: moment(Date.now()), bytes: 1 })
  }
  await vi.waitFor(async () => expect((await get('manifest.json')).status).toBe(404), 90_000)
  await expect.poll(() => readdir(join(agent.deps.spool.path, 'backups'))).toEqual([])
})

test('an agent that died after sealing tells of its backup again, and one that died before gives it up aloud', async () => {
  const cfg = house.config({ database: 'records' })
  let backupId = ''
  let lost = ''
  {
    await using agent = await house.agent(cfg)
    const sealed = await sealedOf((await house.wish(cfg)).runId)
    backupId = sealed.backupId
    const about = { ...sealed, attempt: 1, backupId: backupId.replace(/.{6}$/, 'zzzzzz') as typeof sealed.backupId }
    lost = (await agent.deps.spool.begin(about)).attempt.backupId
  }
  await using agent = await house.agent(cfg)
  await house.fact(BackupFailed, (fact) => fact.backupId === lost && fact.error.code === 'BACKUP_ABANDONED')
  await vi.waitFor(
    () => expect(agent.deps.spool.all().map(({ attempt }) => attempt.backupId)).toEqual([backupId]),
    90_000,
  )
  expect(agent.deps.spool.room.used).toBeGreaterThan(0)
})

test('two agents with one name: the second is told, and after the first stopped it may', async () => {
  const agentId = 'twice' as AgentId
  const first = house.config({ agentId })
  const second = { ...first, spool: { ...first.spool, path: join(house.folder, 'other-host') } }
  {
    await using agent = await house.agent(first)
    expect(agent.deps.lease.lost.aborted).toBe(false)
    await expect(house.agent(second)).rejects.toMatchObject({ code: 'AGENT_NAME_TAKEN' })
    await expect(house.agent(first)).rejects.toMatchObject({ code: 'SPOOL_IN_USE' })
  }
  // One whose farewell did not come through has its name until the lease is over.
  await using agent = await eventually(() => house.agent(second))
  expect(agent.deps.cfg.agentId).toBe(agentId)
})
