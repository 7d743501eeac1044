import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { type NatsServer, startNats } from '@lifeboat/testkit/nats.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Ledger } from '../src/ledger.ts'

let nats: NatsServer
let bus: Bus
let ledger: Ledger
let runs = 0
beforeAll(async () => {
  nats = await startNats()
  bus = await connectBus({ servers: [nats.url], name: 'test', log: silentLogger })
  ledger = await Ledger.open(bus)
})
afterAll(async () => {
  await bus[Symbol.asyncDispose]()
  await nats[Symbol.asyncDispose]()
})

function anEntry(over: Partial<LedgerEntry> = {}): LedgerEntry {
  runs += 1
  return {
    runId: `daily.records.${runs}` as RunId,
    sourceId: 'records' as never,
    policyId: 'daily' as never,
    kind: 'dump',
    requestedBy: 'schedule',
    dueAt: moment(0),
    lateAt: moment(1),
    deadlineAt: moment(2),
    state: 'expected',
    attempt: 0,
    ...over,
  }
}

async function expected(): Promise<RunId> {
  const entry = anEntry()
  await ledger.expect(entry)
  return entry.runId
}

test('a run written down twice is one run, and the second writer is told', async () => {
  const entry = anEntry()
  expect(await ledger.expect(entry)).toBe(true)
  await ledger.apply(entry.runId, 'wish')
  expect(await ledger.expect(entry)).toBe(false)
  expect((await ledger.get(entry.runId))?.state).toBe('wished')
})

test('of two agents that begin at the same moment each gets its own attempt number', async () => {
  const runId = await expected()
  const claims = await Promise.all(['a', 'b', 'c'].map((heldBy) => ledger.apply(runId, 'begin', { heldBy })))
  const attempts = claims.map((claim) => claim.outcome === 'changed' && claim.entry.attempt)
  expect(attempts.sort()).toEqual([1, 2, 3])
})

test('with a condition only one of two agents begins', async () => {
  const runId = await expected()
  const free = (entry: LedgerEntry) => entry.state !== 'running'
  const claims = await Promise.all(['a', 'b'].map((heldBy) => ledger.apply(runId, 'begin', { heldBy }, { when: free })))
  expect(claims.map(({ outcome }) => outcome).sort()).toEqual(['changed', 'refused'])
})

test('an attempt that was overtaken can neither succeed nor fail the run', async () => {
  const runId = await expected()
  await ledger.apply(runId, 'begin', { heldBy: 'first' })
  await ledger.apply(runId, 'begin', { heldBy: 'second' })
  expect((await ledger.apply(runId, 'succeed', {}, { attempt: 1 })).outcome).toBe('refused')
  expect((await ledger.apply(runId, 'fail', {}, { attempt: 1 })).outcome).toBe('refused')
  expect((await ledger.apply(runId, 'succeed', {}, { attempt: 2 })).outcome).toBe('changed')
})

test('a step said twice is no second step, and one that the lifecycle refuses changes nothing', async () => {
  const runId = await expected()
  await ledger.apply(runId, 'begin')
  await ledger.apply(runId, 'succeed', { endedAt: moment(5) })
  expect((await ledger.apply(runId, 'succeed', { endedAt: moment(9) })).outcome).toBe('same')
  expect((await ledger.apply(runId, 'fail')).outcome).toBe('refused')
  expect(await ledger.get(runId)).toMatchObject({ state: 'succeeded', endedAt: moment(5) })
})

test('a new attempt does not wear the error of the one before', async () => {
  const runId = await expected()
  const error = { code: 'TOOL_FAILED' as const, title: 't', hint: 'h', facts: {} }
  await ledger.apply(runId, 'begin')
  await ledger.apply(runId, 'retry', { error, reason: 'a tool failed', endedAt: moment(3) })
  const begun = await ledger.apply(runId, 'begin', { heldBy: 'b' })
  expect(begun).toMatchObject({ entry: { attempt: 2, state: 'running' } })
  expect(await ledger.get(runId)).not.toHaveProperty('error')
})

test('a run nobody wrote down is unknown', async () => {
  expect(await ledger.apply('daily.records.never' as RunId, 'begin')).toEqual({ outcome: 'unknown' })
})

test('runs are listed by policy and source', async () => {
  await ledger.expect(anEntry({ runId: 'weekly.records.1' as RunId }))
  await ledger.expect(anEntry({ runId: 'weekly.other.1' as RunId }))
  const ids = async (of: object) => (await Array.fromAsync(ledger.entries(of))).map(({ runId }) => runId)
  expect(await ids({ policyId: 'weekly' })).toEqual(['weekly.records.1', 'weekly.other.1'])
  expect(await ids({ policyId: 'weekly', sourceId: 'other' })).toEqual(['weekly.other.1'])
  expect(await ids({ sourceId: 'other' })).toEqual(['weekly.other.1'])
})

test('who watches the ledger hears of a run that is withdrawn', async () => {
  const stop = new AbortController()
  const runId = await expected()
  const seen: string[] = []
  const watching = (async () => {
    for await (const change of ledger.watch({ signal: stop.signal }))
      if (change.runId === runId) seen.push(change.entry?.state ?? 'gone')
  })()
  await expect.poll(() => seen).toEqual(['expected'])
  await ledger.forget(runId)
  await expect.poll(() => seen).toEqual(['expected', 'gone'])
  stop.abort()
  await watching
})
