import { setTimeout as sleep } from 'node:timers/promises'
import { BackupRequested, BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { type AgentId, moment, operatorRunId, type PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { whenFacts } from '@lifeboat/testkit/facts.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { openWalHouse, SOURCE } from './wal-house.ts'

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

test('a base tells the heartbeat that lies in the database, not the one the agent wrote into another of that name', async () => {
  await using pg = await startPostgres()
  const policyId = 'weekly' as PolicyId
  await using house = await openWalHouse({
    ...{ pg, wal: { heartbeat: { every: '1h' } } },
    policies: { [policyId]: { sources: [SOURCE], kind: 'base', schedule: { cron: '0 2 1 1 *' }, targets: ['north'] } },
  })
  await house.start('backup-agent', 'uploader')
  await house.state(({ heartbeatAt }) => heartbeatAt !== undefined)
  // As after a dump took the place of the database: its row is older than the one that was written last.
  const dumped = '2026-09-26T02:00:00.000Z'
  await pg.query('postgres', `UPDATE lifeboat.heartbeat SET beat_at = '${dumped}'`)
  const now = Date.now()
  const runId = operatorRunId(policyId, SOURCE, now)
  await house.bus.publish(BackupRequested, {
    ...{ runId, agentId: 'db1' as AgentId, sourceId: SOURCE, policyId, kind: 'base', requestedBy: 'operator' },
    ...{ dueAt: moment(now), deadlineAt: moment(now + 600_000) },
  })
  const [sealed] = await whenFacts(house.bus, BackupSealed, (fact) => fact.runId === runId)
  expect(sealed?.physical?.heartbeatAt).toBe(dumped)
})
