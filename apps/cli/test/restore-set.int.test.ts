import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { RestorePlanned, RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { newOperatorKey } from '@lifeboat/shared/signing/orders.ts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { backupFacts } from './facts.ts'
import { startFleet, type TestFleet } from './fleet.ts'
import { cli, startCli } from './run-cli.ts'
import { standInAgent } from './stand-in-agent.ts'

const POINT = 'weekly.20260927T010000Z'
const run = promisify(execFile)
let fleet: TestFleet
let command: string[]
let stop: AbortController

beforeEach(async () => {
  fleet = await startFleet()
  stop = new AbortController()
  const at = (name: string) => join(fleet.dir, name)
  await run('age-keygen', ['-o', at('identity')])
  const recipient = (await run('age-keygen', ['-y', at('identity')])).stdout.trim()
  const { pem, publicKey } = newOperatorKey(undefined)
  writeFileSync(at('ann.operator.pem'), pem, { mode: 0o600 })
  const restore = `{ operators: { ann: ${publicKey} }, recipient: ${recipient}, identity: env:ID, uploaders: ["http://127.0.0.1:7462"] }`
  const config = readFileSync(at('lifeboat.yaml'), 'utf8')
    .replace('agents:\n  db1: {', `agents:\n  db1: { restore: ${restore},`)
    .replaceAll('user: lifeboat }', 'user: lifeboat, restore: { user: postgres, password: env:PASSWORD } }')
  writeFileSync(at('lifeboat.yaml'), config)
  const keyed = ['--key', 'ann.operator.pem', '--identity', 'identity', '--why', 'the host is new']
  command = ['restore', 'set', POINT, ...keyed, '--stop-hook', 'records=stop-app', '--start-hook', 'quiet=start-app']
  command.push('--yes-i-mean', 'weekly')
  await takeSet()
  const plans = { type: RestorePlanRequested, durable: 'agent-db1-plans', route: 'db1' }
  await fleet.bus.consume(plans, plan, { signal: stop.signal })
})
afterEach(async () => {
  stop.abort()
  await fleet?.[Symbol.asyncDispose]()
})

/** A backup of `records` and of `quiet`, of one recovery point; of others than `taken` there is none. */
async function takeSet(point = POINT, taken: readonly string[] = ['records', 'quiet'], kind = 'dump'): Promise<void> {
  const members = ['records', 'quiet'].map((sourceId) => ({ policyId: `weekly-${sourceId}`, sourceId }))
  const set = { point, setId: 'weekly', members }
  const catalog = await KvCatalog.open(fleet.bus)
  for (const { sourceId, policyId } of members.filter((member) => taken.includes(member.sourceId))) {
    const facts = backupFacts(Date.now() - 3_600_000, point === POINT ? 'aaaaaa' : 'bbbbbb', { sourceId, policyId })
    await catalog.apply({ subject: 'backup.started', data: { ...facts.started, kind, set } as never })
    await catalog.apply({ subject: 'backup.sealed', data: { ...facts.sealed, kind } as never })
    await catalog.apply({ subject: 'copy.stored', data: { ...facts.copyStored('aws'), kind } as never })
  }
}

/** What an agent answers that has nothing to say against it. */
async function plan({ restoreId, sourceId, agentId, backupId }: RestorePlanRequested): Promise<void> {
  const backup = { backupId, snapshotAt: moment(Date.now()), bytes: 1, signer: 'db1' }
  const found = { sourceId, agentId, database: sourceId, backup, targetId: 'aws', passedOver: [], fetchBytes: 1 }
  const nothing = { disks: [], sessions: [], hooks: [], obstacles: [], notes: [] }
  const planned = {
    ...found,
    ...nothing,
    loss: { sentence: 'nothing is lost' },
    signatures: 1,
  } as unknown as RestorePlan
  await fleet.bus.publish(RestorePlanned, { restoreId, sourceId, plan: planned })
}

test('a command of a set that is sent while its agent is down waits for it, and is obeyed once when it is back', async () => {
  const away = await cli(fleet.dir, [...command, '--timeout', '100ms', '--json'])
  expect([away.code, JSON.parse(away.out)]).toMatchObject([
    9,
    { steps: [{ sourceId: 'records', outcome: 'timeout' }], notDone: ['quiet'] },
  ])
  const told = await cli(fleet.dir, [...command.slice(0, 3), '--identity', 'identity', '--plan-only'])
  expect(told.out).toMatch(/records, database: \S+ of .* was sent, and is waited for until its agent has heard of it/)

  // Given again it waits for the same command, and sends no other one.
  const waiting = startCli(fleet.dir, command)
  await vi.waitFor(() => expect(waiting.err()).toContain('was sent before'), { timeout: 60_000, interval: 50 })
  await using agent = await standInAgent(fleet.bus, 'db1')
  const { code, out } = await waiting.end
  expect([code, out]).toEqual([0, expect.stringMatching(/records, by an earlier run of this command[\s\S]*quiet\n/)])
  expect(agent.obeyed.map(({ sourceId }) => sourceId)).toEqual(['records', 'quiet'])
  expect(agent.obeyed[0]?.restoreId).toBe(JSON.parse(away.out).steps[0].restoreId)
})

test('what is written down behind a source that failed says which came back before, whose services stand still', async () => {
  await using agent = await standInAgent(fleet.bus, 'db1', new Set(['quiet']))
  const failed = await cli(fleet.dir, command)
  expect([failed.code, failed.out]).toEqual([7, expect.stringMatching(/stop-app has stopped stands still/)])
  expect((await cli(fleet.dir, [...command, '--out', 'rest.json'])).code).toBe(0)
  const [records] = agent.obeyed
  const written = JSON.parse(readFileSync(join(fleet.dir, 'rest.json'), 'utf8'))
  expect([written.before, written.wishes.length]).toEqual([[records?.restoreId], 1])
  await cli(fleet.dir, ['restore', 'sign', 'rest.json', '--key', 'ann.operator.pem', '--yes-i-mean', 'weekly'])
  const again = await cli(fleet.dir, ['restore', 'send', 'rest.json'])
  expect([again.code, again.out]).toEqual([7, expect.stringMatching(/stop-app has stopped stands still/)])
})

test('with --json a plan tells itself and nothing is commanded, and what is brought back or written down has its plan in the answer', async () => {
  await using agent = await standInAgent(fleet.bus, 'db1')
  const json = async (args: readonly string[]) => {
    const { code, out, err } = await cli(fleet.dir, [...args, '--json'])
    expect([code, err]).toEqual([0, ''])
    return JSON.parse(out)
  }
  const plan = { sourceId: 'records', targetId: 'aws', loss: { sentence: 'nothing is lost' }, obstacles: [] }
  const steps = [{ sourceId: 'records', as: 'database', plan }, { sourceId: 'quiet' }]
  expect(await json([...command.slice(0, 3), '--identity', 'identity', '--plan-only'])).toMatchObject({
    ...{ point: POINT, earlier: [], steps, leftOut: [] },
  })
  const one = ['records', '--backup', '20260927T010000Z-dump-aaaaaa']
  expect(await json(['restore', 'plan', ...one])).toMatchObject(plan)
  const byAnn = [...command.slice(3, 9), '--yes-i-mean', 'records']
  expect(await json(['restore', 'run', ...one, ...byAnn, '--out', 'one.json'])).toMatchObject({ plan })
  expect(await json([...command, '--out', 'set.json'])).toMatchObject({ plan: { point: POINT, steps } })
  expect(agent.obeyed).toEqual([])

  expect(await json(command)).toMatchObject({ notDone: [], plan: { point: POINT, steps } })
  expect(await json(['restore', 'run', ...one, ...byAnn])).toMatchObject({ outcome: 'done', swapped: true, plan })
  expect(agent.obeyed.map(({ sourceId }) => sourceId)).toEqual(['records', 'quiet', 'records'])
})

test('a recovery point that lacks a member is refused until somebody says that what there is will do', async () => {
  await using agent = await standInAgent(fleet.bus, 'db1')
  const lacking = 'weekly.20260920T010000Z'
  await takeSet(lacking, ['records'])
  const asked = ['restore', 'set', lacking, ...unhooked()]
  const { code, err } = await cli(fleet.dir, asked)
  expect([code, err]).toEqual([
    7,
    expect.stringMatching(/RESTORE_SET_INCOMPLETE[\s\S]*weekly-quiet of quiet: nothing is known of it/),
  ])
  expect(agent.obeyed).toEqual([])
  expect((await cli(fleet.dir, [...asked, '--incomplete'])).code).toBe(0)
  expect(agent.obeyed.map(({ sourceId }) => sourceId)).toEqual(['records'])
})

test('of a recovery point of which nothing can come back each member is said why', async () => {
  await using agent = await standInAgent(fleet.bus, 'db1')
  const queries = 'weekly.20260920T010000Z'
  await takeSet(queries, ['records'], 'tables')
  const none = await cli(fleet.dir, ['restore', 'set', queries, ...unhooked(), '--incomplete'])
  expect([none.code, none.err]).toEqual([7, expect.stringContaining('RESTORE_SET_EMPTY')])
  for (const why of [
    'weekly-records of records: there is no backup of it that could',
    'weekly-quiet of quiet: nothing is known',
  ])
    expect(none.err).toContain(why)
  const other = await cli(fleet.dir, [...command, '--source', 'mistyped'])
  expect([other.code, other.err]).toEqual([7, expect.stringMatching(/RESTORE_SET_EMPTY[\s\S]*records: not asked for/)])
  expect(agent.obeyed).toEqual([])
})

function unhooked(): string[] {
  return [...command.slice(3, 9), ...command.slice(13)]
}
