import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RestoreAudited, RestoreRequested, RestoreSettled } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { CANCELS_BUCKET } from '@lifeboat/shared/run/cancels.ts'
import { newOperatorKey, openOperatorKey, signOrder } from '@lifeboat/shared/signing/orders.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Handed } from '../src/restore/hand-over.ts'
import { orderHead } from '../src/restore/orders.ts'
import { startFleet, type TestFleet } from './fleet.ts'
import { cli } from './run-cli.ts'
import { standInAgent } from './stand-in-agent.ts'

let fleet: TestFleet
beforeEach(async () => {
  fleet = await startFleet()
})
afterEach(() => fleet?.[Symbol.asyncDispose]())

const DAY_MS = 24 * 3_600_000
const key = openOperatorKey('ann', newOperatorKey(undefined).pem, undefined)

/** A signed command about `records`, so many days old, and the file it was written to. */
async function written(daysAgo: number): Promise<Handed & { file: string }> {
  const to = { agentId: 'db1', sourceId: 'records' } as Parameters<typeof orderHead>[1]
  const head = orderHead('test' as never, to, {}, { why: 'rows are gone' }, Date.now() - daysAgo * DAY_MS)
  const order: RestoreOrder = { action: 'revert', ...head }
  const wish = { restoreId: head.restoreId, agentId: to.agentId, order: await signOrder(order, key) }
  const file = join(fleet.dir, `${head.restoreId}.json`)
  writeFileSync(file, JSON.stringify(wish))
  return { ...wish, file }
}

async function audited({ restoreId, agentId }: Handed, event: RestoreAudited['event'], more: object, daysAgo: number) {
  const at = moment(Date.now() - daysAgo * DAY_MS)
  const about = { restoreId, agentId, sourceId: 'records' as never, action: 'revert' as const, who: ['ann'] }
  await fleet.bus.publish(RestoreAudited, { ...about, event, at, ...more })
}

async function send(
  file: string,
  timeout = '60s',
): Promise<{ code: number | null; told: Record<string, unknown>; text: string }> {
  const { code, out } = await cli(fleet.dir, ['restore', 'send', file, '--json', '--timeout', timeout])
  const { out: text } = await cli(fleet.dir, ['restore', 'send', file, '--timeout', timeout])
  return { code, told: JSON.parse(out), text }
}

test('a command that was done so long ago that the bus has forgotten its end is told out of the audit', async () => {
  const wish = await written(100)
  await audited(wish, 'accepted', {}, 100)
  await audited(wish, 'swapped', { aside: 'records_before' }, 100)
  await audited(wish, 'done', { aside: 'records_before' }, 100)
  const { code, told, text } = await send(wish.file)
  expect({ code, told }).toMatchObject({ code: 0, told: { outcome: 'done', swapped: true, aside: 'records_before' } })
  expect(text).toMatch(/: done[\s\S]*put in place[\s\S]*kept as records_before[\s\S]*restore status/)
})

test('one that failed then fails now, with its reason', async () => {
  const wish = await written(100)
  await audited(wish, 'accepted', {}, 100)
  const error = { code: 'RESTORE_HOOK_FAILED', title: 'a hook failed', hint: 'look', retry: 'never', facts: {} }
  await audited(wish, 'failed', { error }, 100)
  const { code, told, text } = await send(wish.file)
  expect({ code, told }).toMatchObject({ code: 7, told: { outcome: 'failed', error: { code: 'RESTORE_HOOK_FAILED' } } })
  expect(text).toMatch(/: failed[\s\S]*RESTORE_HOOK_FAILED/)
})

test('who cancels and why is kept for its agent, and stands in the end and in the audit', async () => {
  const wish = await written(100)
  await audited(wish, 'accepted', {}, 100)
  const { restoreId } = wish
  const why = ['--why', 'the wrong source']
  expect((await cli(fleet.dir, ['restore', 'cancel', restoreId, ...why])).code).toBe(0)
  const cancels = await fleet.bus.bucket(CANCELS_BUCKET)
  const said = (await cancels.get(restoreId))?.value
  expect(said).toMatchObject({
    why: 'cancelled',
    by: expect.stringMatching(/^operator \w/),
    reason: 'the wrong source',
  })

  await audited(wish, 'cancelled', { cancelledBy: said?.by, cancelReason: said?.reason }, 100)
  const { code, told, text } = await send(wish.file)
  expect({ code, told }).toMatchObject({ code: 7, told: { cancelledBy: said?.by, cancelReason: 'the wrong source' } })
  const status = (await cli(fleet.dir, ['restore', 'status', restoreId])).out
  for (const shown of [text, status]) expect(shown).toContain(`by ${said?.by}: the wrong source`)
})

test('what its agent has told of the end is told as long as the bus has it', async () => {
  const wish = await written(1)
  await audited(wish, 'accepted', {}, 1)
  await audited(wish, 'done', {}, 1)
  const { restoreId, agentId } = wish
  const end = { restoreId, agentId, outcome: 'done', swapped: true, terminated: 3, at: moment(Date.now()) } as const
  await fleet.bus.publish(RestoreSettled, end)
  expect((await send(wish.file)).told).toEqual(end)
})

test('one that was accepted and that nobody is at any more is refused instead of waited for', async () => {
  const wish = await written(20)
  await audited(wish, 'accepted', {}, 20)
  const { code, told } = await send(wish.file)
  expect({ code, told }).toMatchObject({ code: 7, told: { error: { code: 'RESTORE_ABANDONED' } } })
})

test('one that its agent is at is waited for, however long ago it was accepted', async () => {
  const wish = await written(1)
  await audited(wish, 'accepted', {}, 1)
  const { restoreId, agentId, order } = wish
  await fleet.bus.publish(RestoreRequested, { restoreId, agentId, order })
  expect(await send(wish.file, '100ms')).toMatchObject({ code: 9, told: { outcome: 'timeout' } })
})

describe('a file of several commands', () => {
  const POINT = 'weekly.20260927T010000Z'
  const order = (sourceId: string, hooks: object = {}): RestoreOrder => {
    const to = { agentId: 'db1', sourceId } as Parameters<typeof orderHead>[1]
    const head = orderHead('test' as never, to, hooks, { why: 'the host is new' }, Date.now())
    const from = { unproven: false, targets: ['aws' as never], sealedIdentity: '' }
    return { action: 'restore', ...head, ...from, backupId: '20260927T010000Z-dump-aaaaaa' as never }
  }
  const signed = async (each: RestoreOrder) => ({
    ...{ restoreId: each.restoreId, agentId: each.agentId, order: await signOrder(each, key) },
  })
  const file = (name: string, content: object) => {
    writeFileSync(join(fleet.dir, name), JSON.stringify(content))
    return name
  }

  test('goes on behind one that failed when that was signed anew, and does nothing twice', async () => {
    const fails = new Set(['quiet'])
    await using agent = await standInAgent(fleet.bus, 'db1', fails)
    const orders = [order('kept', { stop: 'stop-app' }), order('quiet'), order('rest', { start: 'start-app' })]
    const set = file('set.json', { point: POINT, wishes: await Promise.all(orders.map(signed)) })
    const first = await cli(fleet.dir, ['restore', 'send', set])
    expect(first.code).toBe(7)
    expect(first.out).toMatch(/Not brought back: quiet, rest\.[\s\S]*stop-app has stopped stands still/)
    const alone = `lifeboat restore set ${POINT} --source quiet --key … --identity … --why "…" --drain 10000ms --out quiet-anew.json`
    const lines = [alone, 'lifeboat restore send quiet-anew.json', 'lifeboat restore send set.json']
    expect(first.out).toContain(lines.map((line) => `  ${line}`).join('\n'))
    // A signed command is obeyed once, whatever was mended.
    fails.clear()
    expect((await cli(fleet.dir, ['restore', 'send', set])).code).toBe(7)
    const anew = order('quiet')
    expect((await cli(fleet.dir, ['restore', 'send', file('anew.json', await signed(anew))])).code).toBe(0)
    const { code, out } = await cli(fleet.dir, ['restore', 'send', set, '--json'])
    const [kept, , rest] = orders
    expect({ code, told: JSON.parse(out) }).toMatchObject({
      code: 0,
      told: {
        steps: [
          { sourceId: 'kept', restoreId: kept?.restoreId, outcome: 'done', earlier: true },
          { sourceId: 'quiet', restoreId: anew.restoreId, outcome: 'done', earlier: true },
          { sourceId: 'rest', restoreId: rest?.restoreId, outcome: 'done' },
        ],
        notDone: [],
      },
    })
    expect(agent.obeyed.map(({ restoreId }) => restoreId)).toEqual(
      [...orders.slice(0, 2), anew, rest].map((each) => each?.restoreId),
    )
  })

  test('knows of the services that were stopped for what an earlier run has brought back', async () => {
    await using _agent = await standInAgent(fleet.bus, 'db1', new Set(['app']))
    const before = order('data', { stop: 'stop-all' })
    expect((await cli(fleet.dir, ['restore', 'send', file('data.json', await signed(before))])).code).toBe(0)
    const rest = {
      point: POINT,
      before: [before.restoreId],
      wishes: [await signed(order('app', { start: 'start-all' }))],
    }
    const { code, out } = await cli(fleet.dir, ['restore', 'send', file('rest.json', rest)])
    expect([code, out]).toEqual([7, expect.stringMatching(/stop-all has stopped stands still/)])
  })
})
