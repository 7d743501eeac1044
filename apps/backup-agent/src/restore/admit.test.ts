import type { AgentId, FleetId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { type Gatekeeping, refusalOf } from './admit.ts'

const order = {
  ...{
    action: 'revert',
    restoreId: '20261128T020000Z-restore-k3f9qa',
    fleetId: 'f',
    agentId: 'db1',
    sourceId: 'records',
  },
  ...{ hooks: { stop: 'stop-app' }, drainMs: 0, why: 'x', issuedAt: '2026-11-28T02:00:00.000Z' },
  ...{ expiresAt: '2026-11-28T02:15:00.000Z', nonce: 'a'.repeat(22) },
} as RestoreOrder
const inPlace = { action: 'restore', kind: 'cluster', place: 'in place' }
const gate: Gatekeeping = {
  ...{
    fleetId: 'f' as FleetId,
    agentId: 'db1' as AgentId,
    restorable: new Map([['records' as SourceId, 'database' as const]]),
  },
  ...{
    hooks: new Set(['stop-app', 'start-app']),
    unfitHooks: new Map(),
    used: false,
    nowMs: Date.parse('2026-11-28T02:10:00Z'),
  },
}

const TREE: Partial<Gatekeeping> = { restorable: new Map([['code' as SourceId, 'files']]) }

test('a command for this agent, in its time, for the first time, with hooks it knows, is obeyed', () => {
  expect(refusalOf(order, gate)).toBeUndefined()
})

test.each<[string, object, Partial<Gatekeeping>, string]>([
  ['of another fleet', { fleetId: 'g' }, {}, 'RESTORE_WRONG_HOST'],
  ['for another agent', { agentId: 'db2' }, {}, 'RESTORE_WRONG_HOST'],
  ['about a source this agent does not restore', { sourceId: 'other' }, {}, 'RESTORE_WRONG_HOST'],
  ['about files where the source is a database', { kind: 'files' }, {}, 'RESTORE_WRONG_HOST'],
  ['about a database where the source is files', { sourceId: 'code' }, TREE, 'RESTORE_WRONG_HOST'],
  ['a second after its end', {}, { nowMs: Date.parse('2026-11-28T02:15:01Z') }, 'RESTORE_EXPIRED'],
  ['long before its beginning', {}, { nowMs: Date.parse('2026-11-28T01:50:00Z') }, 'RESTORE_EXPIRED'],
  ['valid for more than a day', { expiresAt: '2026-11-30T02:00:00.000Z' }, {}, 'RESTORE_EXPIRED'],
  ['obeyed before', {}, { used: true }, 'RESTORE_REPLAYED'],
  ['for a cluster in place that says not how the server starts again', { ...inPlace }, {}, 'RESTORE_HOOKS_WANTED'],
  ['to revert a cluster likewise', { kind: 'cluster' }, {}, 'RESTORE_HOOKS_WANTED'],
  [
    'to promote a cluster into its place likewise',
    { kind: 'cluster', action: 'promote', place: 'in place' },
    {},
    'RESTORE_HOOKS_WANTED',
  ],
  ['with a hook nobody configured', { hooks: { ready: 'rm-rf' } }, {}, 'RESTORE_HOOK_UNKNOWN'],
  [
    'with a hook that could not start what was stopped before',
    { hooks: { stop: 'stop-app', start: 'start-app' } },
    { unfitHooks: new Map([['start-app', new LifeboatError('RESTORE_HOOK_UNFIT')]]) },
    'RESTORE_HOOK_UNFIT',
  ],
])('a command %s is refused', (_, change, more, code) => {
  expect(refusalOf({ ...order, ...change } as RestoreOrder, { ...gate, ...more })?.code).toBe(code)
})

test.each<[string, object]>([
  ['stands still for a look first', { ...inPlace, pause: true }],
  ['is promoted where it stands', { kind: 'cluster', action: 'promote' }],
])('no hooks are wanted for a cluster that %s', (_, change) => {
  expect(refusalOf({ ...order, ...change, hooks: {} } as RestoreOrder, gate)).toBeUndefined()
})

test.each<[object, string[]]>([
  [{}, ['stop', 'start']],
  [{ start: 'start-pg' }, ['stop']],
])('which hooks are wanted is said, also where none is named: %o', (hooks, missing) => {
  expect(refusalOf({ ...order, ...inPlace, hooks } as RestoreOrder, gate)?.facts).toEqual({ missing })
})

test('a clock that is a minute behind refuses nobody', () => {
  expect(refusalOf(order, { ...gate, nowMs: Date.parse('2026-11-28T01:59:00Z') })).toBeUndefined()
})
