import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import { BackupFailed, BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { openCancels } from '@lifeboat/shared/run/cancels.ts'
import { mayMount, orNotRun } from '@lifeboat/testkit/conditions.ts'
import { fakePgDump, type Misbehaviour } from '@lifeboat/testkit/fake-tools/fake-pg-dump.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { AGENTS_BUCKET } from '../src/name-lease.ts'
import type { Spool } from '../src/spool/spool.ts'
import { type AgentChange, type AgentHouse, openAgentHouse, PASSWORD } from './agent-house.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
  await house.database('records')
})
afterAll(() => house[Symbol.asyncDispose]())

/** Takes one backup that must fail and tells how; nothing may be left of it, and nothing claimed. */
async function failureOf(change: Partial<AgentChange>) {
  const cfg = house.config({ database: 'records', ...change })
  await using agent = await house.agent(cfg)
  const wish = await house.wish(cfg)
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === wish.runId)
  // The next attempt comes in a second, and what is looked at below would be its.
  await agent[Symbol.asyncDispose]()
  await vi.waitFor(
    async () => expect(await leftIn(agent.deps.spool)).toEqual({ backups: [], folders: [], used: 0 }),
    90_000,
  )
  expect(await house.facts(BackupSealed, (fact) => fact.runId === wish.runId)).toEqual([])
  expect(failed.error.hint.length).toBeGreaterThan(20)
  expect((await house.ledger.get(wish.runId))?.state).toBe(failed.willRetry ? 'wished' : 'failed')
  return failed
}

async function leftIn(spool: Spool) {
  return { backups: spool.all(), folders: await readdir(join(spool.path, 'backups')), used: spool.room.used }
}

test.each<[string, Partial<AgentChange>, string]>([
  ['a wrong password', { password: 'wrong' }, 'SOURCE_AUTH_REFUSED'],
  ['a database that is gone', { database: 'gone' }, 'SOURCE_DATABASE_MISSING'],
  ['a role without rights', { user: 'weak' }, 'SOURCE_RIGHTS_MISSING'],
  ['a server nobody listens on', { port: 1 }, 'SOURCE_UNREACHABLE'],
])('%s fails the attempt by name and is tried again', async (_title, change, code) => {
  expect(await failureOf(change)).toMatchObject({ error: { code }, willRetry: true })
})

test.each<[string, Misbehaviour, object]>([
  [
    'pg_dump that exits 0 after half the data',
    { kind: 'exits 0 early', afterBytes: 400_000 },
    { code: 'ARTIFACT_TRUNCATED' },
  ],
  ['pg_dump that exits 0 without a byte', { kind: 'exits 0 early', afterBytes: 0 }, { code: 'ARTIFACT_TRUNCATED' }],
  [
    'pg_dump that forgets a table',
    { kind: 'forgets a table', table: 'patient' },
    { code: 'ARTIFACT_TRUNCATED', facts: expect.objectContaining({ tables: ['public.patient'] }) },
  ],
  [
    'pg_dump that exits non-zero',
    { kind: 'exits non-zero', afterBytes: 400_000, code: 3 },
    { code: 'TOOL_FAILED', facts: expect.objectContaining({ tool: 'pg_dump', exitCode: 3 }) },
  ],
  [
    'pg_dump killed mid-way',
    { kind: 'is killed', afterBytes: 400_000 },
    { code: 'TOOL_KILLED', facts: expect.objectContaining({ tool: 'pg_dump', signal: 'SIGKILL' }) },
  ],
])('%s leaves no backup', async (_title, misbehaviour, error) => {
  await using fake = await fakePgDump(house.pg.binDir, misbehaviour)
  expect((await failureOf({ toolPaths: [fake.folder] })).error).toMatchObject(error)
})

test('a table that stays locked is SOURCE_LOCKED, and the backup comes when the lock is gone', async () => {
  await house.database('locked')
  const { socketDir: host, port } = house.pg
  const to = { host, port, database: 'locked', user: 'postgres', sslmode: 'disable' as const }
  const blocker = await connectSource(to, { applicationName: 'somebody else', lockTimeoutMs: 0 })
  await blocker.query('BEGIN; LOCK TABLE patient IN ACCESS EXCLUSIVE MODE')
  const cfg = house.config({ database: 'locked', policy: { lockTimeout: '400ms' } })
  await using _agent = await house.agent(cfg)
  const wish = await house.wish(cfg)
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === wish.runId)
  expect(failed).toMatchObject({ error: { code: 'SOURCE_LOCKED' }, willRetry: true })
  await blocker.end()
  const sealed = await house.fact(BackupSealed, (fact) => fact.runId === wish.runId)
  expect(sealed.backupId).not.toBe(failed.backupId)
})

test('a dump that finds the spool full waits for the uploaders and then goes on', async () => {
  const cfg = house.config({
    database: 'records',
    spool: { maxBytes: 200_000, partBytes: 65_536, stalledAfterMs: 600_000 },
  })
  await using agent = await house.agent(cfg)
  const wish = await house.wish(cfg)
  await house.fact(PartSealed, (fact) => fact.agentId === cfg.agentId && fact.part.no === 1)
  await sleep(1_500)
  expect(agent.deps.spool.room.used).toBeLessThanOrEqual(200_000)
  const stuck = await house.facts(PartSealed, (fact) => fact.agentId === cfg.agentId)
  expect(await house.facts(BackupSealed, (fact) => fact.runId === wish.runId)).toEqual([])
  const stop = new AbortController()
  const carryAway = async () => {
    const seen = new Set<string>()
    while (!stop.signal.aborted) {
      for (const { backupId, sourceId, agentId, artifact, part } of await house.facts(
        PartSealed,
        (fact) => fact.agentId === cfg.agentId,
      )) {
        if (seen.has(`${artifact}${part.no}`)) continue
        seen.add(`${artifact}${part.no}`)
        const about = { backupId, sourceId, agentId, artifact, partNo: part.no, bytes: part.bytes, durationMs: 1 }
        await house.bus.publish(PartStored, { ...about, targetId: 'north' as TargetId })
      }
      await sleep(50)
    }
  }
  const carrying = carryAway()
  await house.fact(BackupSealed, (fact) => fact.runId === wish.runId)
  stop.abort()
  await carrying
  expect((await house.facts(PartSealed, (fact) => fact.agentId === cfg.agentId)).length).toBeGreaterThan(stuck.length)
})

test('a spool that nothing ever leaves is SPOOL_FULL in the end', async () => {
  const spool = { maxBytes: 100_000, partBytes: 65_536, stalledAfterMs: 800 }
  expect((await failureOf({ spool })).error).toMatchObject({ code: 'SPOOL_FULL', facts: { maxBytes: 100_000 } })
})

const canMount = orNotRun(mayMount(), 'a full disk under the spool', 'the right to mount')
test.runIf(canMount)('a full disk under the spool is SPOOL_DISK_FULL', async () => {
  const path = join(house.folder, 'tiny-disk')
  mkdirSync(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160k', 'tmpfs', path])
  try {
    expect((await failureOf({ spool: { path } })).error).toMatchObject({ code: 'SPOOL_DISK_FULL' })
  } finally {
    execFileSync('umount', ['-l', path])
  }
})

test('a cancelled run ends at once, for good, and leaves nothing', async () => {
  await using fake = await fakePgDump(house.pg.binDir, { kind: 'waits' })
  const cfg = house.config({ database: 'records', toolPaths: [fake.folder] })
  await using agent = await house.agent(cfg)
  const wish = await house.wish(cfg)
  await vi.waitFor(() => expect(agent.deps.spool.all()).toHaveLength(1), 90_000)
  const cancels = await openCancels(house.bus, { signal: new AbortController().signal, log: silentLogger })
  await cancels.cancel({ runId: wish.runId, why: 'cancelled', by: 'a test', at: moment(Date.now()) })
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === wish.runId)
  expect(failed).toMatchObject({ error: { code: 'RUN_CANCELLED' }, willRetry: false })
  await vi.waitFor(async () => expect((await house.ledger.get(wish.runId))?.state).toBe('cancelled'), 90_000)
  await vi.waitFor(() => expect(agent.deps.spool.all()).toEqual([]), 90_000)
})

test('an attempt whose run was ended by somebody else meanwhile claims no backup', async () => {
  await using fake = await fakePgDump(house.pg.binDir, { kind: 'waits' })
  const cfg = house.config({ database: 'records', toolPaths: [fake.folder] })
  await using agent = await house.agent(cfg)
  const wish = await house.wish(cfg)
  await vi.waitFor(() => expect(agent.deps.spool.all()).toHaveLength(1), 90_000)
  await house.ledger.apply(wish.runId, 'exceed')
  await fake.goOn()
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === wish.runId)
  expect(failed).toMatchObject({ error: { code: 'BACKUP_ABANDONED' }, willRetry: false })
  await vi.waitFor(() => expect(agent.deps.spool.all()).toEqual([]), 90_000)
  expect(await house.facts(BackupSealed, (fact) => fact.runId === wish.runId)).toEqual([])
})

test('a run that exceeds its time is ended and recorded as overdue', async () => {
  await using fake = await fakePgDump(house.pg.binDir, { kind: 'waits' })
  const cfg = house.config({ database: 'records', toolPaths: [fake.folder] })
  await using agent = await house.agent(cfg)
  const deadlineMs = Date.now() + 600_000
  // However late the wish comes to the agent: a second is left by its clock.
  agent.deps.clock = { now: () => deadlineMs - 1_000 }
  const wish = await house.wish(cfg, { deadlineAt: moment(deadlineMs) })
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === wish.runId)
  expect(failed).toMatchObject({ error: { code: 'RUN_OVERDUE' }, willRetry: false })
  await vi.waitFor(async () => expect((await house.ledger.get(wish.runId))?.state).toBe('overdue'), 90_000)
})

test('stopping the agent mid-dump hands the wish back, and the next agent takes the backup', async () => {
  await using fake = await fakePgDump(house.pg.binDir, { kind: 'waits' })
  const slow = house.config({ database: 'records', toolPaths: [fake.folder] })
  const agent = await house.agent(slow)
  const wish = await house.wish(slow)
  await vi.waitFor(() => expect(agent.deps.spool.all()).toHaveLength(1), 90_000)
  await agent[Symbol.asyncDispose]()
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === wish.runId)
  expect(failed).toMatchObject({ error: { code: 'SERVICE_STOPPING' }, willRetry: true })
  await using _next = await house.agent({ ...slow, toolPaths: [] })
  const sealed = await house.fact(BackupSealed, (fact) => fact.runId === wish.runId)
  expect(sealed.backupId).not.toBe(failed.backupId)
})

test('an agent whose name is taken mid-dump ends its run, and its attempt claims nothing any more', async () => {
  await using fake = await fakePgDump(house.pg.binDir, { kind: 'waits' })
  const cfg = house.config({ database: 'records', toolPaths: [fake.folder] })
  const agent = await house.agent(cfg)
  const wish = await house.wish(cfg)
  await vi.waitFor(() => expect(agent.deps.spool.all()).toHaveLength(1), 90_000)
  const names = await house.bus.bucket(AGENTS_BUCKET)
  const other = { instance: 'other-host-1234', host: 'other-host', pid: 1 }
  await names.put(cfg.agentId, other)
  await house.ledger.apply(wish.runId, 'begin', { heldBy: other.instance })
  await expect(agent.ended).rejects.toMatchObject({ code: 'AGENT_NAME_TAKEN' })
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === wish.runId)
  expect(failed).toMatchObject({ attempt: 1, error: { code: 'AGENT_NAME_TAKEN' } })
  // It lives on: what nobody renews is gone after twenty seconds.
  await names.put(cfg.agentId, other)
  await agent[Symbol.asyncDispose]()
  expect((await names.get(cfg.agentId))?.value).toEqual(other)
  const entry = await house.ledger.get(wish.runId)
  expect(entry).toMatchObject({ state: 'running', attempt: 2, heldBy: other.instance })
})

test('an agent that stops leaves the name to whoever took it since it last looked', async () => {
  const cfg = house.config()
  const agent = await house.agent(cfg)
  const names = await house.bus.bucket(AGENTS_BUCKET)
  const other = { instance: 'other-host-1234', host: 'other-host', pid: 1 }
  await names.put(cfg.agentId, other)
  await agent[Symbol.asyncDispose]()
  expect((await names.get(cfg.agentId))?.value).toEqual(other)
})

test('the password is in no command line and in no log', async () => {
  const into = join(house.folder, 'argv')
  await using fake = await fakePgDump(house.pg.binDir, { kind: 'is watched', into })
  const lines: string[] = []
  const note = (facts: object, sentence: string) => void lines.push(JSON.stringify({ ...facts, sentence }))
  const log: Logger = { error: note, warn: note, info: note, debug: note, child: () => log }
  const cfg = house.config({ database: 'records', toolPaths: [fake.folder] })
  await using _agent = await house.agent(cfg, log)
  const wish = await house.wish(cfg)
  const seen: string[] = []
  const watching = setInterval(() => seen.push(commandLines()), 150)
  const sealed = await house.fact(BackupSealed, (fact) => fact.runId === wish.runId)
  clearInterval(watching)
  const argv = await readFile(into, 'utf8')
  expect(argv).toContain('--snapshot=')
  expect(lines.length).toBeGreaterThan(5)
  for (const text of [argv, ...seen, ...lines, JSON.stringify(sealed)]) expect(text).not.toContain(PASSWORD)
})

function commandLines(): string {
  return execFileSync('sh', ['-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null || true'], { encoding: 'latin1' })
}

test('what would fail a run is known before one is due: a password that was changed, a disk that is full', async () => {
  const cfg = house.config({
    database: 'records',
    password: 'changed by somebody',
    spool: { maxBytes: 1e15, partBytes: 4e14 },
  })
  await using agent = await house.agent(cfg)
  const failing = (part: string, code: string) =>
    expect.objectContaining({ part, error: expect.objectContaining({ code }) })
  await expect
    .poll(() => agent.deps.footings.all())
    .toEqual(expect.arrayContaining([failing('source', 'SOURCE_AUTH_REFUSED'), failing('spool', 'SPOOL_DISK_FULL')]))
})
