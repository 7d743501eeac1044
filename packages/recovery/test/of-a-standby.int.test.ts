import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { stopLeftServer } from '@lifeboat/postgres/scratch/left-server.ts'
import { stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import type { PlannedCluster } from '@lifeboat/recovery/bare/plan-cluster.ts'
import { recoverCluster } from '@lifeboat/recovery/bare/recover-cluster.ts'
import { startForLook } from '@lifeboat/recovery/beside/look-server.ts'
import { planRecovery } from '@lifeboat/recovery/plan/plan.ts'
import { ownEndOf } from '@lifeboat/recovery/recover/own-last-record.ts'
import { isThere } from '@lifeboat/recovery/swap/swap-places.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { parseLsn, segmentAt } from '@lifeboat/shared/domain/wal.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHouse, type RecoveryHouse } from './recovery-house.ts'

const VISITS = 'select array_agg(no order by no) as visits from visit'

let house: RecoveryHouse
let pg: TestPostgres
let base: SealedBase
/** Between the second visit and the third, which are both behind the base. */
let between: Moment

beforeAll(async () => {
  house = await openHouse()
  // A base of a standby needs WAL with full pages since its last checkpoint.
  pg = await startPostgres({ settings: { wal_keep_size: '1GB', full_page_writes: 'on' } })
  await using standby = await startPostgres({ standbyOf: pg })
  await pg.query('postgres', 'create table visit as select 1 as no')
  await pg.query('postgres', 'checkpoint')
  const [{ end }] = await pg.query('postgres', 'select pg_current_wal_flush_lsn()::text as end')
  const replayed = `select pg_last_wal_replay_lsn() >= '${end}' as there`
  await eventually(async () => expect(await standby.query('postgres', replayed)).toEqual([{ there: true }]))
  const { target, recipient, signer } = house
  base = await sealBase({ pg: standby, database: 'postgres', target, recipient, signer })
  await pg.query('postgres', 'insert into visit values (2)')
  await pg.query('postgres', 'select pg_sleep(0.05)')
  const [{ now }] = await pg.query('postgres', 'select clock_timestamp() as now')
  between = now.toISOString()
  await pg.query('postgres', 'select pg_sleep(0.05)')
  await pg.query('postgres', 'insert into visit values (3)')
  await sealWal({ pg, target, recipient })
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

test('a base of a standby and the WAL of its primary come back to a moment in the segment the base ends in', async () => {
  const { physical } = base.manifest
  expect(physical.fromStandby).toBe(true)
  expect(parseLsn(physical.endLsn) % BigInt(physical.segmentBytes)).not.toBe(0n)
  await using back = await house.bringBack([base], { goal: { to: 'time', time: between } })
  expect(await back.ask('postgres', VISITS)).toEqual([{ visits: [1, 2] }])
  // What the base has of that segment ends with the base: the rest is in the archive alone.
  const last = segmentAt(physical.timeline, parseLsn(physical.endLsn), physical.segmentBytes)
  expect(back.plan.wal?.objects.map(({ object }) => object)).toMatchObject([{ kind: 'piece', segment: last }])
})

test('without WAL of its primary it comes back as it ended, and with it to the last row', async () => {
  const visits = async (to: 'end of backup' | 'latest') => {
    await using back = await house.bringBack([base], { goal: { to } })
    return await back.ask('postgres', VISITS)
  }
  expect(await visits('end of backup')).toEqual([{ visits: [1] }])
  expect(await visits('latest')).toEqual([{ visits: [1, 2, 3] }])
})

test('to its own end it stands still for a look, too, where no record lies behind that end', async () => {
  await using back = await house.bringBack([base], { goal: { to: 'end of backup' } }, { atGoal: 'pause' })
  expect(await back.ask('postgres', 'select pg_get_wal_replay_pause_state() as state')).toEqual([{ state: 'paused' }])
  expect(await back.ask('postgres', VISITS)).toEqual([{ visits: [1] }])
  expect(back.recovered.lsn).toBe(base.manifest.physical.endLsn)
  // And so it does when it is started again on its own.
  const { room } = back
  await stopServer(back.server, 'fast')
  const look = {
    dataDir: join(room.folder, 'data'),
    folder: room.folder,
    port: await freePort(),
    state: 'paused',
  } as const
  const { physical } = base.manifest
  const goal = { goal: { to: 'end of backup' }, timeline: 'current', ownEnd: ownEndOf(physical) } as const
  const again = await startForLook({ ...look, ...goal }, { ...room, signal: AbortSignal.timeout(60_000) })
  await stopLeftServer(look.dataDir, { mode: 'immediate', patienceMs: 60_000 })
  expect(again.lsn).toBe(physical.endLsn)
})

describe('a base of a standby that outlived its primary, which ended with the shutdown checkpoint', () => {
  let last: SealedBase
  beforeAll(async () => {
    await using primary = await startPostgres({ settings: { full_page_writes: 'on' } })
    await using standby = await startPostgres({ standbyOf: primary })
    await primary.query('postgres', 'create table visit as select 1 as no')
    await primary.stop('fast')
    const { target, recipient, signer } = house
    last = await sealBase({ pg: standby, database: 'postgres', target, recipient, signer })
  })

  test('comes back as it ended', async () => {
    await using back = await house.bringBack([last], { goal: { to: 'end of backup' } })
    expect(await back.ask('postgres', VISITS)).toEqual([{ visits: [1] }])
  })

  test('stands still at its end for a look, also when it is started again, until it is promoted', async () => {
    await using back = await house.bringBack([last], { goal: { to: 'end of backup' } }, { atGoal: 'pause' })
    const { physical } = last.manifest
    expect(await back.ask('postgres', 'select pg_get_wal_replay_pause_state() as state')).toEqual([{ state: 'paused' }])
    expect(await back.ask('postgres', VISITS)).toEqual([{ visits: [1] }])
    expect(back.recovered.lsn).toBe(physical.endLsn)
    await stopServer(back.server, 'fast')
    const { folder } = back.room
    const look = { dataDir: join(folder, 'data'), folder, port: await freePort(), state: 'paused' } as const
    const goal = { goal: { to: 'end of backup' }, timeline: 'current', ownEnd: ownEndOf(physical) } as const
    const again = await startForLook({ ...look, ...goal }, { ...back.room, signal: AbortSignal.timeout(60_000) })
    await stopLeftServer(look.dataDir, { mode: 'fast', patienceMs: 60_000 })
    expect(again.lsn).toBe(physical.endLsn)
    // Whoever promotes it lets it recover once more, and sees by this file that nobody has.
    expect(await isThere(join(look.dataDir, 'recovery.signal'))).toBe(true)
  })

  test('promoted while somebody looks at it, it is a cluster of its own that recovers no more', async () => {
    const { manifest } = last
    const archive = { wal: [], histories: new Map() }
    const plan = planRecovery({ backups: [manifest], ...archive, now: Date.now() }, { goal: { to: 'end of backup' } })
    const planned: PlannedCluster = { plan, archive, chain: [manifest], told: {} as PlannedCluster['told'] }
    const folder = join(house.reader.workDir, 'promoted')
    const how = { folder, start: false, onPhase() {}, inspect: async () => 'promote' as const }
    const back = await recoverCluster(house.reader, planned, how)
    expect(back?.recovered.lsn).toBe(manifest.physical.endLsn)
    const left = (await readdir(join(folder, 'data'))).filter((name) => name.endsWith('.signal'))
    expect(left).toEqual([])
  })
})
