import { commandedBy, type RestoreAudited, type RestoreRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { newOperatorKey, openOperatorKey, signOrder } from '@lifeboat/shared/signing/orders.ts'
import { expect, test } from 'vitest'
import { begunOf } from './begun.ts'
import { filedSteps } from './filed.ts'
import { orderHead } from './orders.ts'

const NOW = Date.parse('2026-09-27T12:00:00.000Z')
const BACKUP = '20260927T010000Z-dump-aaaaaa'
const key = openOperatorKey('ann', newOperatorKey(undefined).pem, undefined)
const [RECORDS, APP] = [orderOf('records'), orderOf('app')]
const FILE = await Promise.all([RECORDS, APP].map(wishOf))
const ENDS = { done: ['accepted', 'swapped', 'done'], failed: ['accepted', 'failed'] } as const

function orderOf(sourceId: string, change: object = {}): RestoreOrder {
  const to = { agentId: 'db1', sourceId } as Parameters<typeof orderHead>[1]
  const head = orderHead('test' as never, to, { stop: 'stop-app' }, { why: 'rows are gone' }, NOW - 3_600_000)
  const from = { backupId: BACKUP as never, unproven: false, targets: ['aws' as never], sealedIdentity: '' }
  return { action: 'restore', ...head, ...from, ...change } as RestoreOrder
}

async function wishOf(order: RestoreOrder): Promise<RestoreRequested> {
  const { restoreId, agentId } = order
  return { restoreId, agentId, order: await signOrder(order, key) }
}

/** What the audit says of a command that was given so many minutes ago. */
function told(order: RestoreOrder, minutes: number, events: readonly RestoreAudited['event'][]): RestoreAudited[] {
  const { restoreId, agentId } = order
  const at = moment(NOW - minutes * 60_000)
  return events.map((event) => ({ ...commandedBy(order), restoreId, agentId, who: ['ann'], event, at }))
}

function stand(...all: RestoreAudited[][]) {
  const history = new Map(all.map((events) => [events[0]?.restoreId as string, events]))
  const begun = FILE.flatMap(({ restoreId }) => begunOf(history.get(restoreId)) ?? [])
  const seen = { sent: [], history, begun: new Map(begun.map((each) => [each.restoreId, each])) }
  return filedSteps(FILE, seen).map((step) => step.begun?.restoreId)
}

const again = (change: object = {}) => orderOf('records', { hooks: {}, ...change })

test('what is done is not done again, and what is behind it is still to be sent', () => {
  expect(stand()).toEqual([undefined, undefined])
  expect(stand(told(RECORDS, 30, ENDS.done))).toEqual([RECORDS.restoreId, undefined])
})

test('where one failed or was refused, the like of it that was signed anew counts in its stead', () => {
  const anew = again()
  for (const events of [ENDS.failed, ['refused'] as const, ['accepted', 'cancelled'] as const])
    for (const end of [ENDS.done, ENDS.failed, ['accepted'] as const])
      expect(stand(told(RECORDS, 30, events), told(anew, 20, end))).toEqual([anew.restoreId, undefined])
  const last = again()
  expect(stand(told(RECORDS, 30, ENDS.failed), told(last, 10, ENDS.done), told(anew, 20, ENDS.failed))).toEqual([
    last.restoreId,
    undefined,
  ])
})

test.each<[string, RestoreOrder, number]>([
  ['brings another backup back', again({ backupId: '20260927T020000Z-dump-bbbbbb' }), 20],
  ['brings rows of it back', again({ kind: 'tables', tables: [{ schema: 'public', name: 'a' }] }), 20],
  ['is about another source', orderOf('quiet'), 20],
  ['was given before it failed', again(), 40],
])('nothing counts in its stead that %s', (_, other, minutes) => {
  expect(stand(told(other, minutes, ENDS.done), told(RECORDS, 30, ENDS.failed))).toEqual([RECORDS.restoreId, undefined])
})

test('one that was refused for too few signatures and obeyed with enough of them is itself', () => {
  const events = [...told(RECORDS, 30, ['refused']), ...told(RECORDS, 25, ENDS.done)]
  expect(stand(events, told(again(), 20, ENDS.done))).toEqual([RECORDS.restoreId, undefined])
})

test('nothing more is sent behind what another command has changed since', () => {
  const revert = { ...RECORDS, action: 'revert', restoreId: again().restoreId } as RestoreOrder
  const reverted = told(revert, 10, ENDS.done)
  const done = told(RECORDS, 30, ENDS.done)
  expect(() => stand(done, reverted)).toThrow(expect.objectContaining({ code: 'RESTORE_SET_CHANGED' }))
  expect(stand(done, told(revert, 10, ENDS.failed))).toEqual([RECORDS.restoreId, undefined])
  expect(stand(told(revert, 40, ENDS.done), done)).toEqual([RECORDS.restoreId, undefined])
  expect(stand(done, reverted, told(again(), 5, ENDS.done))).toEqual([RECORDS.restoreId, undefined])
  // What is over is told, whatever became of it.
  expect(stand(done, reverted, told(APP, 20, ENDS.failed))).toEqual([RECORDS.restoreId, APP.restoreId])
})
