import { readdir } from 'node:fs/promises'
import type { TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import type { RunningAgent } from './agent-house.ts'
import { type ClusterHouse, openClusterHouse } from './cluster-house.ts'

let house: ClusterHouse
let cfg: AgentConfig
let agent: RunningAgent
beforeAll(async () => {
  house = await openClusterHouse()
  cfg = house.config()
  agent = await house.at.house.agent(cfg)
})
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

async function obeyed(name: string, into: TablesInto, goal: object, more = {}) {
  const tables = [{ schema: 'public', name }]
  const { backupId } = house.base
  const { restoreId } = await house.at.command(cfg, { kind: 'tables', tables, into, goal, backupId, ...more })
  const [settled] = await house.at.settled(restoreId)
  expect(await readdir(house.clusters)).toEqual([])
  return settled
}

test('a table as of a moment: looked at beside, then the rows of that moment are all there is in it', async () => {
  const time = { to: 'time', time: house.between }
  const now = { rows: 4, onlyInBackup: 0, onlyNow: 2, different: 0 }
  const looked = await obeyed('visit', { how: 'beside', schema: 'look' }, time, { timeline: 1 })
  expect(looked?.error).toBeUndefined()
  expect((await house.at.audited(looked?.restoreId ?? ''))[0]).toMatchObject({ goal: time, timeline: 1 })
  expect(looked).toMatchObject({ outcome: 'done', schema: 'look', diffs: [{ table: 'public.visit', rows: 2, now }] })
  const { bytes = 0, ofBytes = 0, whole } = looked?.extent ?? {}
  expect(whole).toBeUndefined()
  expect(bytes).toBeLessThan(ofBytes)
  expect((await house.at.audited(looked?.restoreId ?? '')).find(({ event }) => event === 'compared')).toMatchObject({
    extent: { bytes, ofBytes },
  })
  expect(await house.at.house.pg.query('records', 'select no from look.visit order by no')).toEqual([
    { no: 1 },
    { no: 2 },
  ])
  expect(await house.visits()).toBe('1 2 3 4')
  expect(await obeyed('visit', { how: 'replace' }, time)).toMatchObject({ outcome: 'done', swapped: true })
  expect(await house.visits()).toBe('1 2')
  expect(await obeyed('visit', { how: 'merge' }, { to: 'name', name: 'later' })).toMatchObject({ outcome: 'done' })
  expect(await house.visits()).toBe('1 2 3')
})

test('rows of an unlogged table are in no physical backup, so none are put in the place of those there are', async () => {
  await house.at.house.pg.query('records', 'alter table visit set unlogged')
  const { backupId } = await house.seal()
  const settled = await obeyed('visit', { how: 'replace' }, { to: 'end of backup' }, { backupId })
  expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_TABLE_ABSENT' } })
  expect(await house.visits()).toBe('1 2 3')
})

test('nor are rows of a parent one of whose partitions is unlogged', async () => {
  const { pg } = house.at.house
  await pg.query('records', 'create table room (no int) partition by range (no)')
  await pg.query('records', 'create table room_low partition of room for values from (0) to (10)')
  await pg.query('records', 'create unlogged table room_high partition of room for values from (10) to (20)')
  await pg.query('records', 'insert into room select generate_series(0, 19)')
  const { backupId } = await house.seal()
  const settled = await obeyed('room', { how: 'replace' }, { to: 'latest' }, { backupId })
  expect(settled).toMatchObject({ outcome: 'failed', swapped: false, error: { code: 'RESTORE_TABLE_ABSENT' } })
  expect(await pg.query('records', 'select count(*)::int as rows from room')).toEqual([{ rows: 20 }])
})

test('a table that was not there at that moment is refused, and nothing is left', async () => {
  await house.at.house.pg.query('records', 'create table fresh (no int primary key)')
  expect(await obeyed('fresh', { how: 'merge' }, { to: 'time', time: house.between })).toMatchObject({
    outcome: 'failed',
    error: { code: 'RESTORE_TABLE_ABSENT', facts: { absent: ['public.fresh'] } },
  })
})
