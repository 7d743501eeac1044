import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { installedMajors, startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { HOOKS, openClusterWalHouse } from './cluster-wal-house.ts'
import { currentLsn, SLOT, SOURCE, writeWal } from './wal-house.ts'

const kind = (installedMajors()[0] ?? 0) >= 17 ? 'incremental' : 'base'
/** It keeps no more WAL than it must, as a server does that was long on its way. */
const settings = [
  `max_wal_size = '32MB'`,
  `min_wal_size = '32MB'`,
  ...(kind === 'incremental' ? ['summarize_wal = on'] : []),
]
const VISITS = `select string_agg(no::text, ' ' order by no) as answer from visit`

test('a cluster that went back in place, and one that was put back, have their WAL kept from there on, and no backup builds on what was left', async () => {
  await using pg = await startPostgres()
  // In its data directory, where the hooks that start it and the backups find them.
  for (const setting of settings) await pg.query('postgres', `alter system set ${setting}`)
  await pg.query('postgres', 'select pg_reload_conf()')
  await using house = await openClusterWalHouse(pg, kind)
  const { wal } = house
  const query = async (sql: string) => (await pg.query('postgres', sql))[0]?.answer
  const visit = (no: number) => query(`insert into visit values (${no})`)
  const beside = async () => {
    const told = await house.restore({ place: 'beside', goal: { to: 'latest' }, port: house.port })
    expect(told).toMatchObject({ outcome: 'done' })
    const answer = await house.query(house.port, VISITS)
    expect(await house.command({ action: 'release', place: 'beside' })).toMatchObject({ outcome: 'done' })
    return answer
  }
  const goBack = async () => {
    const { error, ...told } = await house.restore(back)
    expect(error).toBeUndefined()
    expect(told).toMatchObject({ outcome: 'done', swapped: true })
  }
  const kept = async (timeline: number) => {
    const lately = Date.now() - 20_000
    const end = await currentLsn(pg)
    const state = await wal.state(
      (now) => now.timeline === timeline && parseLsn(now.safe.lsn) >= end && Date.parse(now.safe.at) > lately,
    )
    expect(state).toMatchObject({ status: 'streaming' })
    expect(state.lost).toBeUndefined()
    // A running server writes a record now and then.
    expect(parseLsn(state.serverLsn) - end).toBeLessThan(1_000_000n)
    const slots = 'select slot_name as name, active from pg_replication_slots'
    // That of a base goes with its connection, a moment later.
    await expect.poll(() => pg.query('postgres', slots)).toEqual([{ name: SLOT, active: true }])
  }

  await query('create table visit (no int primary key)')
  await visit(1)
  expect(await house.backup()).toMatchObject({ timeline: 1, chain: 0 })
  await visit(2)
  const moment = (await query('select clock_timestamp() as answer')).toISOString()
  await query('select pg_sleep(0.05)')
  await writeWal(pg, 60)
  await visit(3)
  await kept(1)
  await query('checkpoint')

  const back = { place: 'in place', goal: { to: 'time', time: moment } } as const
  await goBack()
  await visit(4)
  await kept(2)
  expect(await query(VISITS)).toBe('1 2 4')
  expect(await beside()).toBe('1 2 4')
  const onward = await house.backup()
  expect(onward).toMatchObject({ timeline: 2, chain: 0 })
  if (kind === 'incremental') {
    expect(onward.fullBecause).toMatch(/^the timeline changed from 1 to 2/)
    expect(await house.backup()).toMatchObject({ timeline: 2, chain: 1 })
  }
  await writeWal(pg, 60)
  await visit(5)
  await kept(2)

  expect(await house.command({ action: 'revert', hooks: HOOKS })).toMatchObject({ outcome: 'done', swapped: true })
  await visit(6)
  await kept(3)
  expect(await query(VISITS)).toBe('1 2 3 6')
  expect(await beside()).toBe('1 2 3 6')
  const again = await house.backup()
  expect(again).toMatchObject({ timeline: 3, chain: 0 })
  if (kind === 'incremental') expect(again.fullBecause).toMatch(/^the timeline changed from 2 to 3/)

  // Once more back, and the agent dies before it could tell of it.
  const told = await wal.state(() => true)
  await goBack()
  await wal.kill('backup-agent', 'SIGTERM')
  await (await wal.bus.bucket(WAL_BUCKET)).put(SOURCE, told)
  await wal.start('backup-agent')
  await visit(7)
  await kept(4)
  expect(await beside()).toBe('1 2 7')
}, 600_000)
