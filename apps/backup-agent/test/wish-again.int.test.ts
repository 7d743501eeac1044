import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bus, Delivery } from '@lifeboat/shared/bus/bus.ts'
import { BackupFailed, BackupRequested, BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { type BackupId, moment, operatorRunId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { fakePgDump } from '@lifeboat/testkit/fake-tools/fake-pg-dump.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentDeps } from '../src/deps.ts'
import { takeBackup } from '../src/handlers/take-backup.ts'
import { type AgentHouse, openAgentHouse, POLICY, SOURCE } from './agent-house.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
  await house.database('records')
})
afterAll(() => house[Symbol.asyncDispose]())

const delivery: Delivery = { attempt: 1, publishedAt: 0, signal: new AbortController().signal, log: silentLogger }

/** A wish that is handed to the handler by the test, not by the bus. */
function wishFor({ cfg }: AgentDeps, change: Partial<BackupRequested> = {}): BackupRequested {
  const now = Date.now()
  return BackupRequested.schema.parse({
    ...{ runId: operatorRunId(POLICY, SOURCE, now), agentId: cfg.agentId, sourceId: SOURCE, policyId: POLICY },
    ...{ kind: 'dump', requestedBy: 'operator', dueAt: moment(now), deadlineAt: moment(now + 600_000) },
    ...change,
  })
}

/** The bus, but messages of one type do not come through. */
function without(bus: Bus, subject: string): Bus {
  const publish: Bus['publish'] = (type, data, opts) =>
    type.subject === subject ? Promise.reject(new LifeboatError('BUS_UNREACHABLE')) : bus.publish(type, data, opts)
  return new Proxy(bus, {
    get(it, name) {
      if (name === 'publish') return publish
      const value = Reflect.get(it, name, it) as unknown
      return typeof value === 'function' ? value.bind(it) : value
    },
  })
}

const startedOf = (runId: string) => house.facts(BackupStarted, (fact) => fact.runId === runId)
const failedOf = (runId: string) => house.facts(BackupFailed, (fact) => fact.runId === runId)
const sealedOf = (runId: string) => house.facts(BackupSealed, (fact) => fact.runId === runId)

test('a wish that comes again while its run is under way ends as that run ends', async () => {
  await using fake = await fakePgDump(house.pg.binDir, { kind: 'is slow', beforeMs: 1_000 })
  await using agent = await house.agent(house.config({ database: 'records', toolPaths: [fake.folder] }))
  const handle = takeBackup(agent.deps)
  const wish = wishFor(agent.deps)
  const order: string[] = []
  const first = handle(wish, delivery).then(() => order.push('first'))
  await Promise.all([first, handle(wish, delivery).then(() => order.push('again'))])
  expect(order).toEqual(['first', 'again'])
  expect(await sealedOf(wish.runId)).toHaveLength(1)
  expect(await startedOf(wish.runId)).toHaveLength(1)
})

test('a wish that comes again while its run is failing fails like it', async () => {
  await using agent = await house.agent(house.config({ database: 'gone' }))
  const handle = takeBackup(agent.deps)
  const wish = wishFor(agent.deps)
  const both = await Promise.allSettled([handle(wish, delivery), handle(wish, delivery)])
  const refused = { status: 'rejected', reason: expect.objectContaining({ code: 'SOURCE_DATABASE_MISSING' }) }
  expect(both).toEqual([refused, refused])
  expect(await startedOf(wish.runId)).toHaveLength(1)
})

test('an attempt whose end nobody heard of is given up aloud by the next one', async () => {
  await using agent = await house.agent(house.config({ database: 'records' }))
  const { deps } = agent
  const wish = wishFor(deps)
  const gone = house.config({ database: 'gone' }).sources
  const deaf = { ...deps, bus: without(deps.bus, 'backup.failed'), cfg: { ...deps.cfg, sources: gone } }
  await expect(takeBackup(deaf)(wish, delivery)).rejects.toMatchObject({ code: 'BUS_UNREACHABLE' })
  expect(deps.spool.all()).toHaveLength(1)
  await takeBackup(deps)(wish, delivery)
  const [sealed] = await sealedOf(wish.runId)
  expect(await readdir(join(deps.spool.path, 'backups'))).toEqual([sealed?.backupId])
  expect(await failedOf(wish.runId)).toMatchObject([{ attempt: 1, error: { code: 'BACKUP_ABANDONED' } }])
})

test('a sealed backup that could not be told of is told of, not taken again, whatever else lies in the spool', async () => {
  await using agent = await house.agent(house.config({ database: 'records' }))
  const { deps } = agent
  const wish = wishFor(deps)
  const deaf = { ...deps, bus: without(deps.bus, 'backup.sealed') }
  await expect(takeBackup(deaf)(wish, delivery)).rejects.toMatchObject({ code: 'BUS_UNREACHABLE' })
  const [sealed] = deps.spool.all()
  if (sealed === undefined) throw new Error('nothing is sealed')
  const backupId = sealed.attempt.backupId.replace(/.{6}$/, 'zzzzzz') as BackupId
  await deps.spool.begin({ ...sealed.attempt, backupId })
  const leftoverFirst = { ...deps.spool, all: () => deps.spool.all().reverse() }
  await takeBackup({ ...deps, spool: leftoverFirst })(wish, delivery)
  expect(await startedOf(wish.runId)).toHaveLength(1)
  expect(await sealedOf(wish.runId)).toMatchObject([{ backupId: sealed.attempt.backupId }])
  expect(deps.spool.all()).toEqual([sealed])
})

test('an attempt that finds no disk for its folder fails aloud, and its run waits for the next', async () => {
  await using agent = await house.agent(house.config({ database: 'records' }))
  const { deps } = agent
  const wish = wishFor(deps)
  const begin = () => Promise.reject(new LifeboatError('SPOOL_DISK_FULL'))
  const handle = takeBackup({ ...deps, spool: { ...deps.spool, begin } })
  await expect(handle(wish, delivery)).rejects.toMatchObject({ code: 'SPOOL_DISK_FULL' })
  expect(await failedOf(wish.runId)).toMatchObject([{ error: { code: 'SPOOL_DISK_FULL' }, willRetry: true }])
  expect(await house.ledger.get(wish.runId)).toMatchObject({ state: 'wished', attempt: 1 })
})

test('a wish that comes when its time is over is a missed run, not one that took too long', async () => {
  await using agent = await house.agent(house.config({ database: 'records' }))
  const wish = wishFor(agent.deps, { deadlineAt: moment(Date.now() - 1_000) })
  await takeBackup(agent.deps)(wish, delivery)
  const entry = await house.ledger.get(wish.runId)
  expect(entry).toMatchObject({ state: 'missed', attempt: 0, reason: expect.stringContaining(wish.deadlineAt) })
  expect([...(await startedOf(wish.runId)), ...(await failedOf(wish.runId))]).toEqual([])
})

test('a run whose agent died and whose time is over meanwhile is overdue, and nothing is dumped for it', async () => {
  await using agent = await house.agent(house.config({ database: 'records' }))
  const wish = wishFor(agent.deps, { deadlineAt: moment(Date.now() - 1_000) })
  const { agentId: _agent, ...entry } = wish
  await house.ledger.expect({ ...entry, lateAt: wish.dueAt })
  await house.ledger.apply(wish.runId, 'begin', { heldBy: 'the dead' })
  await takeBackup(agent.deps)(wish, delivery)
  expect(await house.ledger.get(wish.runId)).toMatchObject({ state: 'overdue', attempt: 1 })
  expect(await startedOf(wish.runId)).toEqual([])
})
