import type { TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import type { RunningAgent } from './agent-house.ts'
import { openTablesHouse, type TablesHouse } from './tables-restore-house.ts'

let clinic: TablesHouse
let cfg: AgentConfig
let agent: RunningAgent
let backupId: string
beforeAll(async () => {
  clinic = await openTablesHouse()
  cfg = clinic.at.config()
  agent = await clinic.at.house.agent(cfg)
  backupId = (await clinic.dump()).backupId
})
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]()
  await clinic?.[Symbol.asyncDispose]()
})
beforeEach(() => clinic.reset())

const BESIDE: TablesInto = { how: 'beside', schema: 'look' }

async function obeyed(names: string, into: TablesInto, more = {}) {
  const { restoreId } = await clinic.at.command(cfg, clinic.wish(names, into, { backupId, ...more }))
  const [settled] = await clinic.at.settled(restoreId)
  // Neither the scratch database nor what was loaded stays, however it ended.
  expect(await clinic.at.besides()).toEqual([])
  expect((await clinic.left()).filter((name) => name.startsWith('lifeboat'))).toEqual([])
  return settled
}

test('out of a dump the named tables alone come back: with partitions, sequences and rules between them', async () => {
  const tables = ['clinic.ward', 'clinic.visit', 'clinic.result', 'clinic.note']
  const was = await Promise.all(tables.map(clinic.contents))
  await clinic.query(
    `delete from clinic.ward; delete from clinic.result where id < 50; truncate clinic.note; select setval('clinic.visit_id_seq', 1)`,
  )
  expect(await obeyed('visit result ward', { how: 'replace' })).toMatchObject({
    ...{ outcome: 'done', tables: 3, rows: 363 },
    diffs: [
      { table: 'clinic.visit', rows: 300, now: { rows: 0 } },
      { now: { onlyInBackup: 49 } },
      { now: { rows: 0 } },
    ],
  })
  expect(await Promise.all(tables.slice(0, 3).map(clinic.contents))).toEqual(was.slice(0, 3))
  expect(
    await clinic.query(
      `select nextval('clinic.visit_id_seq')::int as next, (select count(*)::int from clinic.note) as notes`,
    ),
  ).toEqual([{ next: 301, notes: 0 }])
})

test('a table that was dropped can be loaded beside, not put in', async () => {
  await clinic.query('drop table clinic.note')
  expect(await obeyed('note', { how: 'replace' })).toMatchObject({
    outcome: 'failed',
    error: { code: 'RESTORE_TABLE_UNFIT' },
  })
  expect(await obeyed('note', BESIDE)).toMatchObject({ outcome: 'done', diffs: [{ table: 'clinic.note', rows: 40 }] })
  expect(await clinic.query('select count(*)::int as rows from look.note')).toEqual([{ rows: 40 }])
})

test('a table the dump does not hold is refused', async () => {
  await clinic.query('create table clinic.fresh (id int primary key)')
  const error = { code: 'RESTORE_TABLE_ABSENT', facts: { absent: ['clinic.fresh'] } }
  expect(await obeyed('fresh', { how: 'merge' })).toMatchObject({ outcome: 'failed', swapped: false, error })
})

test('a dump that left the rows out does not empty a table', async () => {
  const lying = await clinic.dump({ dumpArgs: ['--exclude-table-data=clinic.note'] })
  const error = { code: 'RECOVERY_UNLIKE', facts: { differences: ['clinic.note has 0 rows instead of 40.'] } }
  expect(await obeyed('note', { how: 'replace' }, { backupId: lying.backupId })).toMatchObject({
    outcome: 'failed',
    swapped: false,
    error,
  })
  expect(await clinic.query('select count(*)::int as rows from clinic.note')).toEqual([{ rows: 40 }])
})
