import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RestoreAudited, RestoreRequested, RestoreSettled } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { newOperatorKey, openOperatorKey, signOrder } from '@lifeboat/shared/signing/orders.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Handed } from '../src/restore/hand-over.ts'
import { orderHead } from '../src/restore/orders.ts'
import { startFleet, type TestFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

let fleet: TestFleet
beforeAll(async () => {
  fleet = await startFleet()
})
afterAll(() => fleet?.[Symbol.asyncDispose]())

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
