import { setTimeout as sleep } from 'node:timers/promises'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { currentLsn, everywhere, openWalHouse, safeBeyond, writeWal } from './wal-house.ts'

test('a server that is told to stop does not wait for the flush timer: its last WAL is shipped at once', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, wal: { flushEvery: '1h', heartbeat: { enabled: false } } })
  await house.start('backup-agent', 'uploader')
  // The first piece goes at once, the next one not before the hour is over.
  await house.state(({ status, safe }) => status === 'streaming' && safe.lsn !== '0/0')
  await writeWal(pg, 1)
  await sleep(1_000)
  await writeWal(pg, 1)
  const last = await currentLsn(pg)
  await pg.stop('fast')
  await house.state(safeBeyond(last))
})

test('a server that is told to stop while too few targets are there is let go, and nothing is lost', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, required: 2, wal: { letGoAfter: '4s' } })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  await everywhere(house, pg)
  await house.away('south')
  await writeWal(pg, 3)
  await house.state(
    ({ targets }) =>
      parseLsn(targets['north' as never]?.lsn ?? '0/0') > parseLsn(targets['south' as never]?.lsn ?? '0/0'),
  )
  await pg.stop('fast')
  await house.logged('backup-agent', 'wal.let-go')
  await pg.restart()
  const [slot] = await pg.query(
    'postgres',
    'SELECT restart_lsn::text AS lsn, wal_status AS status FROM pg_replication_slots',
  )
  const since = Date.now()
  const { safe } = await house.state(({ status, at }) => status === 'streaming' && Date.parse(at) > since)
  expect([parseLsn(slot.lsn) <= parseLsn(safe.lsn), slot.status]).toEqual([true, 'reserved'])
  await house.back('south')
  await everywhere(house, pg)
})
