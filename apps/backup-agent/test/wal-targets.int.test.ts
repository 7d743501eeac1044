import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WalExpiryRequested } from '@lifeboat/shared/bus/messages/expiry.ts'
import { WalSealed } from '@lifeboat/shared/bus/messages/wal.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { manifestKey } from '@lifeboat/shared/domain/keys.ts'
import { formatLsn, parseLsn, rangeOf } from '@lifeboat/shared/domain/wal.ts'
import { eventually, until } from '@lifeboat/testkit/eventually.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import {
  currentLsn,
  everywhere,
  expectArchive,
  openWalHouse,
  SEGMENT_BYTES,
  SLOT,
  SOURCE,
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
  expect(await house.spooledBytes()).toBeLessThanOrEqual(40 * 1024 ** 2)
  await house.kill('backup-agent')
  await house.start('backup-agent')
  await house.back('south')
  await everywhere(house, pg)
  expect(house.logOf('uploader')).not.toContain('"event":"wal.given-up"')
})

test.concurrent('WAL is told with its MD5 until every target has said that it does without', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg })
  await house.away('south')
  await house.start('backup-agent', 'uploader')
  const listening = new AbortController()
  const told: WalSealed[] = []
  const listen = async () => {
    for await (const sealed of house.bus.follow(WalSealed, { since: 0, signal: listening.signal })) told.push(sealed)
  }
  const heard = listen().catch(() => {})
  for (let round = 0; round < 2; round += 1) {
    await writeWal(pg, 2)
    await house.state(safeBeyond(await currentLsn(pg)))
  }
  await until(
    () => told.length,
    (count) => count >= 2,
  )
  expect(told.filter(({ md5 }) => md5 === undefined)).toEqual([])
  await house.back('south')
  await everywhere(house, pg)
  await writeWal(pg, 2)
  await everywhere(house, pg)
  await until(
    () => told.at(-1),
    (last) => last !== undefined && last.md5 === undefined,
  )
  listening.abort()
  await heard
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
  await everywhere(house, pg)
  await house.state(({ targets, safe }) => parseLsn(targets['south' as never]?.lsn ?? '0/0') >= parseLsn(safe.lsn))
  await house.logged('uploader', 'wal.refilled')
})

test.concurrent('a target that was away for longer than its WAL is kept anywhere goes on where the archive begins now', async () => {
  await using pg = await startPostgres()
  const wal = { spoolMaxBytes: '40MiB', refill: { after: '1s' } }
  await using house = await openWalHouse({ pg, wal, mayRemove: true })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  await everywhere(house, pg)
  await house.away('south')
  const missed = await currentLsn(pg)
  for (let round = 0; round < 3; round += 1) await writeWal(pg, 20)
  const before = await currentLsn(pg)
  await house.state(safeBeyond(before))
  // Weeks go by: what is not taken is not announced any more, and the base the window begins with is a newer one.
  await house.kill('uploader')
  await house.kill('backup-agent', 'SIGTERM')
  await forgetAnnouncements(house)
  await house.wipeSpool()
  await house.start('backup-agent', 'uploader')
  await letGoAt(house, 'north', before)
  await house.back('south')
  await letGoAt(house, 'south', before)
  await writeWal(pg, 20)
  const end = await currentLsn(pg)
  const caughtUp = await house.state((now) => parseLsn(now.targets['south' as never]?.lsn ?? '0/0') >= end)
  expect(caughtUp.lost).toBeUndefined()
  const [first] = (await spans(house, 'south')).filter((span) => span.end > missed + BigInt(SEGMENT_BYTES))
  expect(first?.start).toBe(before - (before % BigInt(SEGMENT_BYTES)))
  // Also for the next life of the agent.
  await house.kill('backup-agent')
  await house.start('backup-agent')
  await writeWal(pg, 2)
  await house.state(safeBeyond(await currentLsn(pg)))
})

test.concurrent('a target that was away is filled with what another let go of already, from the one that keeps it for longer', async () => {
  await using pg = await startPostgres()
  const wal = { spoolMaxBytes: '40MiB', refill: { after: '3s' } }
  const targets = ['north', 'south', 'west']
  await using house = await openWalHouse({ pg, wal, targets, mayRemove: true })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  await everywhere(house, pg, targets)
  await house.away('south')
  for (let round = 0; round < 3; round += 1) await writeWal(pg, 20)
  const before = await currentLsn(pg)
  await house.state((now) =>
    ['north', 'west'].every((target) => parseLsn(now.targets[target as TargetId]?.lsn ?? '0/0') >= before),
  )
  await house.kill('uploader')
  await house.kill('backup-agent', 'SIGTERM')
  await forgetAnnouncements(house)
  await house.wipeSpool()
  await house.start('backup-agent', 'uploader')
  await letGoAt(house, 'north', before)
  const begins = { timeline: 1, lsn: formatLsn(before) }
  const told = await house.state((now) => now.targets['north' as TargetId]?.begins?.lsn === begins.lsn)
  expect(told.targets['south' as TargetId]?.begins).toBeUndefined()
  await house.kill('backup-agent')
  // Of what was let go months ago only the state tells.
  await forgetAnnouncements(house, 'LIFEBOAT_FACTS')
  await house.start('backup-agent')
  await house.back('south')
  await writeWal(pg, 2)
  const { targets: now } = await everywhere(house, pg, ['south', 'west'])
  expect(now['north' as TargetId]?.begins).toEqual(begins)
})

/** The uploader removes what a base that begins there does not need. */
async function letGoAt(house: WalHouse, target: string, before: bigint): Promise<void> {
  const { backupId: anchor, objects } = smallCopy({ targets: [target], startLsn: formatLsn(before) })
  const key = manifestKey(SOURCE, anchor)
  const manifest = house.file(target, key)
  await mkdir(dirname(manifest), { recursive: true })
  await writeFile(manifest, objects.get(key) ?? '')
  const about = { sourceId: SOURCE, targetId: target as TargetId, anchor, anchorAt: moment(Date.now()) }
  await house.bus.publish(WalExpiryRequested, {
    ...{ ...about, timeline: 1, before: formatLsn(before), segmentBytes: SEGMENT_BYTES, by: 'ada' },
    requestedAt: moment(Date.now()),
  })
  await until(
    () => spans(house, target),
    (held) => held.every(({ end }) => end > before),
  )
}

/** What of the log a target holds. */
async function spans(house: WalHouse, target: string) {
  const ranges = (await house.objects(target)).flatMap((object) => rangeOf(object, SEGMENT_BYTES) ?? [])
  return ranges.sort((one, other) => (one.start < other.start ? -1 : 1))
}

/** As an operator would with `nats stream purge`. */
async function forgetAnnouncements(house: WalHouse, stream = 'LIFEBOAT_FLOWS'): Promise<void> {
  const socket = connect(house.nats.port, '127.0.0.1')
  socket.write(`CONNECT {"verbose":false}\r\nSUB inbox 1\r\nPUB $JS.API.STREAM.PURGE.${stream} inbox 0\r\n\r\n`)
  for await (const chunk of socket) if (String(chunk).includes('"purged":')) break
}

test.concurrent('with too few targets the server keeps the WAL, the agent does not, and the connection outlives the pause', async () => {
  await using pg = await startPostgres({ settings: { wal_sender_timeout: '30s' } })
  await using house = await openWalHouse({ pg, required: 2, wal: { spoolMaxBytes: '40MiB' } })
  await house.start('backup-agent', 'uploader')
  await writeWal(pg, 2)
  const { safe } = await everywhere(house, pg)
  await house.away('south')
  await writeWal(pg, 120)
  // Longer than the server waits for a word of the agent.
  await sleep(40_000)
  const held = await house.state((now) => now.slot.retainedBytes > 80e6)
  const slot = () => pg.query('postgres', 'SELECT restart_lsn::text AS lsn, active FROM pg_replication_slots')
  await eventually(async () => expect(await slot()).toEqual([{ lsn: held.safe.lsn, active: true }]))
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
  let returned = false
  const upToCommit = 'INSERT INTO promise VALUES (2); SELECT pg_current_wal_insert_lsn()::text AS lsn'
  const commit = pg.query('postgres', upToCommit).then(([row]) => {
    returned = true
    return parseLsn(row.lsn)
  })
  await sleep(4_000)
  expect(returned).toBe(false)
  await house.back('south')
  await expectArchive(house, pg, 'south', (await commit) + 1n)
})
