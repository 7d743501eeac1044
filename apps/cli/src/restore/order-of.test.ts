import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { expect, test } from 'vitest'
import type { Addressed } from './address.ts'
import type { PlanArgs } from './ask-plan.ts'
import { orderOf } from './order-of.ts'

const END = { timeline: 2, end: '16/B3000000' }
const to = { sourceId: 'records', agentId: 'db1', targets: ['north', 'south'], is: 'database' } as unknown as Addressed

function ordered(args: Partial<PlanArgs>, plan: object) {
  const planned = { backup: { backupId: 'base' }, targetId: 'south', ...plan } as unknown as RestorePlan
  const about = { fleetId: 'test' as never, plan: planned, sealedIdentity: '', nowMs: 0 }
  return orderOf(to, { source: 'records', why: 'a test', ...args }, about)
}

const cluster = { cluster: { timeline: 2, wal: { from: '16/A0000000', end: END.end, objects: 1, bytes: 1 } } }
const tables = { tables: { wal: END } }
const rows = { table: ['visit'], replace: true }

test.each<[string, Partial<PlanArgs>, object, unknown]>([
  ['a cluster to the latest', { inPlace: true }, cluster, END],
  ['tables as of the latest', { ...rows, until: 'latest' }, tables, END],
  ['a cluster to a time', { inPlace: true, until: '2026-09-26T12:00:00Z' }, cluster, undefined],
  ['tables out of a dump', rows, { tables: {} }, undefined],
])(
  'an order about %s says how far the WAL of its plan led only where nothing else would tell',
  (_, args, plan, wal) => {
    const order = ordered(args, plan)
    expect('wal' in order ? order.wal : undefined).toEqual(wal)
    expect(order).toMatchObject({ targets: ['south', 'north'] })
  },
)
