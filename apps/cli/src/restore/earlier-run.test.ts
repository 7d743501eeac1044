import type { RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'
import { expect, test } from 'vitest'
import { earlierRun } from './earlier-run.ts'
import type { Sent } from './history.ts'
import type { SetStep } from './set-steps.ts'

const NOW = Date.parse('2026-09-27T12:00:00.000Z')
const STEPS = [
  { sourceId: 'records', backupId: 'dump', as: 'database' },
  { sourceId: 'results', backupId: 'export', as: 'tables', tables: ['"public"."a"'] },
  { sourceId: 'app', backupId: 'tree', as: 'files' },
] as unknown as SetStep[]
const ABOUT: Record<string, object> = {
  records: { backupId: 'dump', database: 'records' },
  results: {
    ...{ backupId: 'export', database: 'results' },
    ...{ tables: [{ schema: 'public', name: 'a' }], into: { how: 'replace' } },
  },
  app: { backupId: 'tree', root: '/srv/app' },
}
const DONE = ['accepted', 'swapped', 'done'] as const

/** A command that was given so many minutes ago. */
function command(sourceId: string, minutes: number, events: readonly string[] = DONE, change: object = {}) {
  const at = new Date(NOW - minutes * 60_000).toISOString()
  const about = { restoreId: `${sourceId}-${minutes}`, agentId: 'db1', sourceId, action: 'restore', at }
  return events.map((event) => ({ ...about, ...ABOUT[sourceId], event, ...change })) as RestoreAudited[]
}

test.each<[string, RestoreAudited[][], Record<string, string>]>([
  ['nothing was ever commanded', [], {}],
  ['it was killed behind the first', [command('records', 9)], { records: 'done' }],
  [
    'it was killed while the second was under way',
    [command('records', 9), command('results', 5, ['accepted', 'compared'])],
    { records: 'done', results: 'under way' },
  ],
  ['the second failed', [command('records', 9), command('results', 5, ['accepted', 'failed'])], { records: 'done' }],
  [
    'all of it was done',
    [command('records', 9), command('results', 5), command('app', 3)],
    { records: 'done', results: 'done', app: 'done' },
  ],
  [
    'the last is left of a run before, and is to be brought back again',
    [command('app', 30), command('records', 9), command('results', 5, ['accepted', 'failed'])],
    { records: 'done' },
  ],
  [
    'it was killed behind the second, and the last is left of a run before',
    [command('app', 30), command('records', 9), command('results', 5)],
    { records: 'done', results: 'done' },
  ],
  ['the first was reverted since', [command('records', 9), command('records', 5, DONE, { action: 'revert' })], {}],
  [
    'the first came back under another name as well',
    [command('records', 9), command('records', 5, ['accepted', 'done'], { kind: 'new database' })],
    { records: 'done' },
  ],
  ['another backup came back', [command('records', 9, DONE, { backupId: 'another' })], {}],
  [
    'the first came back in part only',
    [command('records', 9, DONE, { tables: [{ schema: 'public', name: 'a' }] })],
    {},
  ],
  [
    'rows were merged by hand',
    [command('records', 9), command('results', 5, DONE, { into: { how: 'merge' } })],
    { records: 'done' },
  ],
  [
    'as many other tables were replaced by hand',
    [command('records', 9), command('results', 5, DONE, { tables: [{ schema: 'public', name: 'b' }] })],
    { records: 'done' },
  ],
  [
    'tables were replaced by hand as of another moment',
    [command('records', 9), command('results', 5, DONE, { goal: { to: 'latest' } })],
    { records: 'done' },
  ],
  [
    'rows were loaded beside',
    [command('records', 9), command('results', 5, ['accepted', 'done'])],
    { records: 'done' },
  ],
  ['it was long ago', [command('records', 25 * 60)], {}],
  [
    'somebody’s command was refused meanwhile',
    [command('records', 9), command('records', 5, ['refused'], { action: 'revert' })],
    { records: 'done' },
  ],
  ['it was sent again while it was obeyed', [command('records', 9, ['refused', ...DONE])], { records: 'done' }],
])('when %s', (_, history, expected) => {
  const found = [...earlierRun(STEPS, history, [], NOW)].map(([sourceId, { state }]) => [sourceId, state])
  expect(Object.fromEntries(found)).toEqual(expected)
})

test.each<[string, object, boolean]>([
  ['in place to the end of its backup', { place: 'in place', goal: { to: 'end of backup' } }, true],
  ['in place to the end of the WAL', { place: 'in place', goal: { to: 'latest' } }, false],
  ['beside', { place: 'beside', goal: { to: 'end of backup' } }, false],
])('a cluster that came back %s', (_, change, isStep) => {
  const step = { sourceId: 'records', backupId: 'base', as: 'cluster' } as unknown as SetStep
  const history = [command('records', 9, DONE, { backupId: 'base', database: undefined, ...change })]
  expect([...earlierRun([step], history, [], NOW).keys()]).toEqual(isStep ? ['records'] : [])
})

/** An order that waits for its agent, given so many minutes ago and valid for a quarter of an hour. */
function waiting(sourceId: string, minutes: number, change: object = {}): Sent {
  const [issuedAt, expiresAt] = [minutes, minutes - 15].map((ago) => new Date(NOW - ago * 60_000).toISOString())
  const about = { restoreId: `${sourceId}-${minutes}`, agentId: 'db1' }
  const order = { action: 'restore', ...about, sourceId, hooks: {}, why: 'x', unproven: false, issuedAt, expiresAt }
  return { at: issuedAt, wish: about, order: { ...order, ...change } } as unknown as Sent
}

/** One that was written down with those before it, an hour ago, and sent so many minutes ago. */
function writtenDown(sourceId: string, minutes: number, change: object): Sent {
  const issuedAt = new Date(NOW - 3_600_000).toISOString()
  return waiting(sourceId, minutes, { ...change, issuedAt })
}

const TREE = { kind: 'files', backupId: 'tree' }
const EXPORT = {
  kind: 'tables',
  backupId: 'export',
  tables: [{ schema: 'public', name: 'a' }],
  into: { how: 'replace' },
}

test.each<[string, RestoreAudited[][], Sent[], Record<string, string>]>([
  [
    'the first was sent to an agent that is away',
    [],
    [waiting('records', 5, { backupId: 'dump' })],
    { records: 'sent' },
  ],
  ['so was the second', [command('records', 9)], [waiting('results', 5, EXPORT)], { records: 'done', results: 'sent' }],
  [
    'so was the last',
    [command('records', 9), command('results', 7)],
    [waiting('app', 5, TREE)],
    { records: 'done', results: 'done', app: 'sent' },
  ],
  [
    'the second was written down before the first was done',
    [command('records', 9)],
    [writtenDown('results', 5, EXPORT)],
    { records: 'done', results: 'sent' },
  ],
  ['what was sent is valid no more', [], [waiting('records', 16, { backupId: 'dump' })], {}],
  ['another backup is to come back', [], [waiting('records', 5, { backupId: 'another' })], {}],
  ['it is to be reverted', [command('records', 9)], [waiting('records', 5, { action: 'revert' })], {}],
])('when %s', (_, history, sent, expected) => {
  const found = [...earlierRun(STEPS, history, sent, NOW)].map(([sourceId, { state }]) => [sourceId, state])
  expect(Object.fromEntries(found)).toEqual(expected)
})
