import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { currentLsn, dropSlot, everywhere, openWalHouse, safeBeyond, slotReaches, writeWal } from './wal-house.ts'
import { digestsOf, expectToldAndAnswered, WITH_BASES as policies } from './wal-losses.ts'

/** The server forgets WAL nobody asked it to keep. */
async function forgetOldWal(pg: TestPostgres): Promise<void> {
  for (let round = 0; round < 3; round += 1)
    await pg.query('postgres', 'SELECT txid_current(); SELECT pg_switch_wal(); CHECKPOINT')
}

test.concurrent('a slot beyond its limit is given up before the disk is full, aloud, and a new base makes up for the hole', async () => {
  await using pg = await startPostgres()
  const retained = { warn: '16MiB', giveUp: '60MiB' }
  await using house = await openWalHouse({ pg, required: 2, policies, wal: { spoolMaxBytes: '40MiB', retained } })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  const { safe } = await everywhere(house, pg)
  const { slot } = await house.state((now) => now.slot.disk !== undefined)
  expect(slot.disk?.freeBytes).toBeGreaterThan(0)
  await house.away('south')
  await writeWal(pg, 80)
  await pg.query('postgres', 'CHECKPOINT')
  await expectToldAndAnswered(house, /more than the \d+ allowed/)
  const { lost } = await house.state((now) => now.lost !== undefined)
  expect(parseLsn(lost?.from ?? '0/0') >= parseLsn(safe.lsn)).toBe(true)
  await slotReaches(pg, parseLsn(lost?.from ?? '0/0') + 1n)
  await house.start('scheduler')
  await house.back('south')
  await writeWal(pg, 20)
  const end = await currentLsn(pg)
  await house.state(safeBeyond(end))
  await slotReaches(pg, end)
  const healed = await house.state((now) => now.lost === undefined)
  expect(healed.begun?.lsn).toBe(lost?.to)
})

test.concurrent('a slot dropped behind our back, its WAL removed: the hole is told and a new base is asked for', async () => {
  await using pg = await startPostgres({ settings: { max_wal_size: '32MB', min_wal_size: '32MB' } })
  await using house = await openWalHouse({ pg, policies })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  await everywhere(house, pg)
  await house.kill('backup-agent', 'SIGTERM')
  await dropSlot(pg)
  await writeWal(pg, 60)
  await forgetOldWal(pg)
  await house.start('backup-agent')
  await expectToldAndAnswered(house, /slot is gone/)
  await house.state(safeBeyond(await currentLsn(pg)))
})

test.concurrent('a slot the server gave up is told, made anew, and a new base is asked for', async () => {
  await using pg = await startPostgres({
    settings: { max_slot_wal_keep_size: '16MB', max_wal_size: '32MB', min_wal_size: '32MB' },
  })
  await using house = await openWalHouse({ pg, policies })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  await everywhere(house, pg)
  // What warns of it is the limit that is reached first, long before the one that is configured.
  const { slot: told } = await house.state(({ slot }) => slot.serverGivesUp === true)
  expect(told).toMatchObject({ warnBytes: 8 * 1024 ** 2, giveUpBytes: 16 * 1024 ** 2 })
  await house.kill('backup-agent')
  await writeWal(pg, 60)
  await forgetOldWal(pg)
  const [slot] = await pg.query('postgres', 'SELECT wal_status FROM pg_replication_slots')
  expect(slot.wal_status).toBe('lost')
  await house.start('backup-agent')
  await expectToldAndAnswered(house, /gave the replication slot up/)
  await house.state(safeBeyond(await currentLsn(pg)))
})

test.concurrent('another cluster under the same name is refused by the agent, and by the targets when the agent has forgotten; nothing there changes', async () => {
  await using pg = await startPostgres()
  await using other = await startPostgres({ dataChecksums: true })
  await using house = await openWalHouse({ pg })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 20)
  await everywhere(house, pg)
  // Nothing is on its way any more when it is looked what there is: the server has written its last, and what all targets hold has left the spool.
  await pg.stop()
  await eventually(async () => expect(await house.spooled()).toEqual([]))
  await house.kill('backup-agent', 'SIGTERM')
  const before = await digestsOf(house)
  await house.moveTo(other)
  await writeWal(other, 20)
  await house.start('backup-agent')
  const refused = await house.state((now) => now.status === 'refused')
  expect(refused.error?.code).toBe('WAL_FOREIGN')
  expect(await other.query('postgres', 'SELECT * FROM pg_replication_slots')).toEqual([])
  await house.kill('backup-agent', 'SIGTERM')
  await house.forget()
  await house.start('backup-agent')
  const again = await house.state((now) => now.status === 'refused')
  expect(again.error).toMatchObject({ code: 'WAL_FOREIGN', facts: { there: refused.systemIdentifier } })
  expect(await digestsOf(house)).toEqual(before)
})
