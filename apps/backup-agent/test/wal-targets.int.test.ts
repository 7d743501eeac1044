import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import {
  currentLsn,
  everywhere,
  expectArchive,
  openWalHouse,
  SLOT,
  safeBeyond,
  type WalHouse,
  writeWal,
} from './wal-house.ts'

test.concurrent('a target down under write load holds nobody up; the room stays bounded, and it catches up from the other one', async () => {
  await using pg = await startPostgres({ settings: { wal_sender_timeout: '12s' } })
  await using house = await openWalHouse({ pg, wal: { spoolMaxBytes: '40MiB' } })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  await everywhere(house, pg)
  await house.away('south')
  const before = await currentLsn(pg)
  for (let round = 0; round < 4; round += 1) await writeWal(pg, 20)
  const end = await currentLsn(pg)
  const state = await house.state(safeBeyond(end))
  expect(parseLsn(state.targets['south' as never]?.lsn ?? '0/0') <= before).toBe(true)
  await expectArchive(house, pg, 'north', end)
  expect((await house.spooled()).length).toBeLessThan(8)
  await house.kill('backup-agent')
  await house.start('backup-agent')
  await house.back('south')
  await everywhere(house, pg)
  expect(house.logOf('uploader')).not.toContain('"event":"wal.given-up"')
})

test.concurrent('a target that was away for longer than WAL is announced is filled from one that has it', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, wal: { spoolMaxBytes: '40MiB', refill: { after: '3s' } } })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  await everywhere(house, pg)
  await house.away('south')
  for (let round = 0; round < 3; round += 1) await writeWal(pg, 20)
  await house.state(safeBeyond(await currentLsn(pg)))
  // Eight days go by: the stream has forgotten what nobody took, and so has the spool.
  await house.kill('uploader')
  await house.kill('backup-agent', 'SIGTERM')
  await forgetAnnouncements(house)
  await house.wipeSpool()
  await house.back('south')
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  const state = await everywhere(house, pg)
  expect(parseLsn(state.targets['south' as never]?.lsn ?? '0/0') >= parseLsn(state.safe.lsn)).toBe(true)
  expect(house.logOf('uploader')).toContain('"event":"wal.refilled"')
})

/** As an operator would with `nats stream purge`. */
async function forgetAnnouncements(house: WalHouse): Promise<void> {
  const socket = connect(house.nats.port, '127.0.0.1')
  socket.write('CONNECT {"verbose":false}\r\nSUB inbox 1\r\nPUB $JS.API.STREAM.PURGE.LIFEBOAT_FLOWS inbox 0\r\n\r\n')
  for await (const chunk of socket) if (String(chunk).includes('"purged":')) break
}

test.concurrent('with too few targets the server keeps the WAL, the agent does not, and the connection outlives the pause', async () => {
  await using pg = await startPostgres({ settings: { wal_sender_timeout: '12s' } })
  await using house = await openWalHouse({ pg, required: 2, wal: { spoolMaxBytes: '40MiB' } })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  const { safe } = await everywhere(house, pg)
  await house.away('south')
  await writeWal(pg, 120)
  await sleep(20_000)
  const [slot] = await pg.query('postgres', 'SELECT restart_lsn::text AS lsn, active FROM pg_replication_slots')
  const held = await house.state((now) => now.slot.retainedBytes > 80e6)
  expect([slot.lsn, slot.active]).toEqual([held.safe.lsn, true])
  // A record the server wrote by itself may have been on its way to both when one went away.
  expect(parseLsn(held.safe.lsn) - parseLsn(safe.lsn)).toBeLessThan(1_000_000n)
  expect(parseLsn(held.receivedLsn) < (await currentLsn(pg))).toBe(true)
  await house.back('south')
  await everywhere(house, pg)
  // What the server keeps is looked at now and then; the targets catch up faster.
  await house.state((now) => now.slot.retainedBytes < 80e6)
  expect(pg.log()).not.toContain('due to replication timeout')
})

test.concurrent('with the slot in synchronous_standby_names a commit returns only when its WAL is off-site', async () => {
  await using pg = await startPostgres({ settings: { synchronous_standby_names: SLOT } })
  await pg.query('postgres', 'SET synchronous_commit = local; CREATE TABLE promise (n int)')
  await using house = await openWalHouse({ pg, required: 2, wal: { flushEvery: '100ms' } })
  await house.start('backup-agent', 'uploader')
  await pg.query('postgres', 'INSERT INTO promise VALUES (1)')
  await everywhere(house, pg)
  await house.away('south')
  const began = performance.now()
  let returned = false
  const commit = pg.query('postgres', 'INSERT INTO promise VALUES (2)').then(() => {
    returned = true
  })
  await sleep(4_000)
  expect(returned).toBe(false)
  await house.back('south')
  await commit
  expect(performance.now() - began).toBeGreaterThan(4_000)
  const [row] = await pg.query('postgres', 'SELECT pg_current_wal_flush_lsn()::text AS lsn')
  await expectArchive(house, pg, 'south', parseLsn(row.lsn) - 200n)
})
