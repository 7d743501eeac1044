import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { type Lsn, parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type RecoveryHouse } from './recovery-house.ts'

let house: RecoveryHouse
let pg: TestPostgres
let base: SealedBase
/** Between two rows, as the server's clock has it. */
let between: Moment
/** Transactions: of the third visit, and of two of which the later one committed first. */
let [third, begunFirst, committedFirst] = ['', '', '']
/** Where the restore point lies. */
let marked = ''
/** The end of everything written before the archive was sealed. */
let end = ''

beforeAll(async () => {
  house = await openHouse()
  pg = await startPostgres({
    settings: {
      ...{ wal_keep_size: '1GB', max_connections: '250', max_prepared_transactions: '7' },
      track_commit_timestamp: 'on',
    },
  })
  await pg.query('postgres', 'create database records')
  await pg.query(
    'records',
    `create table visit (no int primary key, at timestamptz default clock_timestamp()); insert into visit values (1)`,
  )
  const { target, recipient, signer } = house
  base = await sealBase({ pg, database: 'records', target, recipient, signer })
  await pg.query('records', 'insert into visit values (2); select pg_switch_wal()')
  await pg.query('records', 'select pg_sleep(0.05)')
  const [{ now }] = await pg.query('records', 'select clock_timestamp() as now')
  between = now.toISOString()
  await pg.query('records', 'select pg_sleep(0.05)')
  third = await xidOf('insert into visit values (3)')
  ;[{ marked }] = await pg.query('records', `select pg_create_restore_point('before the deletion')::text as marked`)
  await pg.query('records', 'delete from visit; select pg_switch_wal()')
  await pg.query('records', 'insert into visit values (4)')
  await pg.query('records', `begin; insert into visit values (5); prepare transaction 'slow'`)
  const [{ xid }] = await pg.query('records', 'select transaction::text as xid from pg_prepared_xacts')
  begunFirst = xid
  committedFirst = await xidOf('insert into visit values (6)')
  await pg.query('records', `commit prepared 'slow'`)
  ;[{ end }] = await pg.query('records', 'select pg_current_wal_flush_lsn()::text as end')
  await sealWal({ pg, target, recipient })
})
afterAll(async () => {
  await pg[Symbol.asyncDispose]()
  await house[Symbol.asyncDispose]()
})

async function xidOf(insert: string): Promise<string> {
  const [{ xid }] = await pg.query(
    'records',
    `with done as (${insert} returning 1) select pg_current_xact_id()::text as xid from done`,
  )
  return xid
}

/** To the millisecond, as it is told. */
async function committedAt(xid: string): Promise<string> {
  const [{ at }] = await pg.query('records', `select pg_xact_commit_timestamp('${xid}'::xid) as at`)
  return at.toISOString()
}

const VISITS = 'select array_agg(no order by no) as visits from visit'

test('a base alone comes back as it ended', async () => {
  await using back = await house.bringBack([base], { goal: { to: 'end of backup' } })
  expect(await back.ask('records', VISITS)).toEqual([{ visits: [1] }])
  expect(back.recovered).toMatchObject({ timeline: 1 })
  expect(
    await back.ask('records', `select current_setting('archive_mode') as archive, pg_is_in_recovery() as recovering`),
  ).toEqual([{ archive: 'off', recovering: false }])
})

test('to a moment between two rows the one before it is there, and the one after it is not', async () => {
  await using back = await house.bringBack([base], { goal: { to: 'time', time: between } })
  expect(await back.ask('records', VISITS)).toEqual([{ visits: [1, 2] }])
  expect(back.recovered.lastCommitAt && back.recovered.lastCommitAt <= between).toBe(true)
})

test('to a restore point, paused there for a look', async () => {
  await using back = await house.bringBack(
    [base],
    { goal: { to: 'name', name: 'before the deletion' } },
    { atGoal: 'pause' },
  )
  expect(await back.ask('records', `${VISITS}`)).toEqual([{ visits: [1, 2, 3] }])
  expect(await back.ask('records', 'select pg_is_in_recovery() as recovering')).toEqual([{ recovering: true }])
  expect(back.recovered).toMatchObject({ lsn: marked, timeline: 1 })
})

test('to the latest, into the segment that was not finished', async () => {
  await using back = await house.bringBack([base], { goal: { to: 'latest' } })
  expect(await back.ask('records', VISITS)).toEqual([{ visits: [4, 5, 6] }])
  expect(parseLsn(back.recovered.lsn)).toBeGreaterThanOrEqual(parseLsn(end))
  expect(back.recovered.lastCommitAt).toBe(await committedAt(begunFirst))
})

test('to a transaction: it is there, and what committed after it is not', async () => {
  await using back = await house.bringBack([base], { goal: { to: 'xid', xid: third } })
  expect(await back.ask('records', VISITS)).toEqual([{ visits: [1, 2, 3] }])
  expect(back.recovered.lastCommitAt).toBe(await committedAt(third))
  expect(parseLsn(back.recovered.lsn)).toBeLessThan(parseLsn(marked))
})

test('the order of commits decides, not that of the numbers', async () => {
  expect(BigInt(begunFirst) < BigInt(committedFirst)).toBe(true)
  const visitsAt = async (xid: string) => {
    await using back = await house.bringBack([base], { goal: { to: 'xid', xid } })
    expect(back.recovered.lastCommitAt).toBe(await committedAt(xid))
    return await back.ask('records', VISITS)
  }
  expect(await visitsAt(committedFirst)).toEqual([{ visits: [4, 6] }])
  expect(await visitsAt(begunFirst)).toEqual([{ visits: [4, 5, 6] }])
})

test('a transaction that no WAL knows is told, and nothing else is passed off as it', async () => {
  const asked = house.bringBack([base], { goal: { to: 'xid', xid: '4000000000' } })
  await expect(asked).rejects.toMatchObject({ code: 'RECOVERY_BEYOND_ARCHIVE' })
})

test('to a position it ends behind the record that lies there, and tells which', async () => {
  await using back = await house.bringBack([base], { goal: { to: 'lsn', lsn: marked as Lsn } })
  expect(await back.ask('records', VISITS)).toEqual([{ visits: [1, 2, 3] }])
  expect(parseLsn(back.recovered.lsn)).toBeGreaterThan(parseLsn(marked))
})
