import { setTimeout as sleep } from 'node:timers/promises'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { openWalHouse } from './wal-house.ts'

test('on an idle database the heartbeat goes off-site by itself, so that the recovery point keeps up with the clock', async () => {
  await using pg = await startPostgres()
  await using house = await openWalHouse({ pg, wal: { heartbeat: { every: '500ms' } } })
  await house.start('backup-agent', 'uploader')
  const first = await house.state((now) => now.heartbeatAt !== undefined)
  const later = await house.state((now) => (now.heartbeatAt ?? '') > (first.heartbeatAt ?? ''))
  expect(later.status).toBe('streaming')
  const rows = await pg.query('postgres', 'SELECT id, beat::int, beat_at FROM lifeboat.heartbeat')
  expect(rows).toHaveLength(1)
  expect(rows[0].beat).toBeGreaterThan(1)
  expect(rows[0].beat_at.getTime()).toBeGreaterThanOrEqual(Date.parse(later.heartbeatAt ?? ''))
  await pg.query('postgres', 'DROP SCHEMA lifeboat CASCADE')
  const before = Date.now()
  await house.state((now) => Date.parse(now.heartbeatAt ?? '') > before)
})

test('a heartbeat that cannot be written is told once and holds no WAL up', async () => {
  await using pg = await startPostgres({ settings: { default_transaction_read_only: 'on' } })
  await using house = await openWalHouse({ pg, wal: { heartbeat: { every: '200ms' } } })
  await house.start('backup-agent', 'uploader')
  await house.logged('backup-agent', 'wal.no-heartbeat')
  await house.state((now) => now.status === 'streaming' && now.safe.lsn === now.receivedLsn)
  // It is tried again and again.
  await sleep(2_000)
  const told = house.logOf('backup-agent').split('"event":"wal.no-heartbeat"').length - 1
  expect(told).toBe(1)
})
