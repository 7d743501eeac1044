import type { MemberOfPoint } from '@lifeboat/catalog/sets.ts'
import { expect, test } from 'vitest'
import { hooksAround } from './set-hooks.ts'
import { type MemberBackup, setSteps } from './set-steps.ts'

type Kind = MemberBackup['kind'] | 'lost'

/** Members by policy and source, in the order of the set. */
function stepsOf(members: [string, string, Kind][], only?: string[], titles = ['clinic.Odd name', 'a query']) {
  const all = members.map(([policyId, sourceId, kind]) => ({
    ...{ policyId, sourceId, state: 'proven' },
    ...(kind === 'lost' ? { state: 'failed', reason: 'failed, the disk is full' } : { backupId: `b-${policyId}` }),
  })) as MemberOfPoint[]
  const backups = new Map(
    members.flatMap(([policyId, , kind]): [string, MemberBackup][] =>
      kind === 'lost' ? [] : [[`b-${policyId}`, { kind, ...(kind === 'tables' && { titles }) }]],
    ),
  )
  const { steps, leftOut } = setSteps({ members: all }, backups, only)
  return {
    steps: steps.map(({ sourceId, as, backupId, tables = [] }) => [sourceId, as, backupId, ...tables].join(' ')),
    leftOut: leftOut.map(({ policyId, why }) => `${policyId}: ${why}`),
  }
}

test('data comes before what reads it, and of one source whatever holds the most of it', () => {
  expect(
    stepsOf([
      ['code', 'app', 'files'],
      ['export', 'records', 'tables'],
      ['dump', 'records', 'dump'],
      ['base', 'records', 'base'],
      ['base2', 'results', 'incremental'],
      ['export2', 'results', 'tables'],
    ]),
  ).toEqual({
    steps: ['results cluster b-base2', 'records database b-dump', 'app files b-code'],
    leftOut: [
      'base: b-dump brings it back as well',
      'export: b-dump brings it back as well',
      'export2: b-base2 brings it back as well',
    ],
  })
})

test('tables alone come back by their names, without the rows of queries', () => {
  const exported: [string, string, Kind] = ['export', 'records', 'tables']
  expect(stepsOf([exported]).steps).toEqual(['records tables b-export "clinic"."Odd name"'])
  expect(stepsOf([exported], undefined, ['a query'])).toEqual({
    steps: [],
    leftOut: ['export: there is no backup of it that could be restored'],
  })
})

test('what is missing is left out with its reason, and what was not asked for', () => {
  const members: [string, string, Kind][] = [
    ['dump', 'records', 'lost'],
    ['base', 'records', 'base'],
    ['code', 'app', 'files'],
  ]
  const lost = 'dump: failed, the disk is full'
  expect(stepsOf(members)).toEqual({ steps: ['records cluster b-base', 'app files b-code'], leftOut: [lost] })
  expect(stepsOf(members, ['records'])).toEqual({
    steps: ['records cluster b-base'],
    leftOut: [lost, 'code: not asked for'],
  })
})

test('a hook is for every source or for one, and the one of a source goes before', () => {
  const args = { stopHook: ['stop-app', 'records=stop-db'], startHook: ['app=start-app'] }
  const around = (source: string) => hooksAround(source, args, ['records', 'app'])
  expect(around('records')).toEqual({ stopHook: 'stop-db' })
  expect(around('app')).toEqual({ stopHook: 'stop-app', startHook: 'start-app' })
  expect(() => hooksAround('app', { readyHook: ['results=x'] }, ['app'])).toThrow(/^CLI_USAGE/)
})
