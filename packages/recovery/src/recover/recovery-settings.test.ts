import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import type { Lsn } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import type { Goal } from '../goal.ts'
import { floorsOf, recoverySettings } from './recovery-settings.ts'

function settingsOf(goal: Goal, more: Partial<Parameters<typeof recoverySettings>[0]> = {}) {
  const place = { port: 5432, socketDir: '/s', floors: { max_connections: 300 } }
  return recoverySettings({ goal, timeline: 3, atGoal: 'pause', restoreCommand: 'get', ...place, ...more })
}

test.each<[Goal, string, string]>([
  [{ to: 'time', time: '2026-09-26T12:00:00.123Z' as Moment }, 'recovery_target_time', '2026-09-26 12:00:00.123+00'],
  [{ to: 'lsn', lsn: '0/3000060' as Lsn }, 'recovery_target_lsn', '0/3000060'],
  [{ to: 'xid', xid: '1234' }, 'recovery_target_xid', '1234'],
  [{ to: 'name', name: 'before' }, 'recovery_target_name', 'before'],
  [{ to: 'end of backup' }, 'recovery_target', 'immediate'],
])('%o is one target, said last, and every other kind is empty', (goal, name, value) => {
  const targets = Object.entries(settingsOf(goal)).filter(([key]) =>
    /^recovery_target(_time|_lsn|_xid|_name)?$/.test(key),
  )
  expect(targets.filter(([, each]) => each !== '')).toEqual([[name, value]])
  expect(targets.at(-1)?.[0]).toBe(name)
})

test('the latest has no target to miss, and nothing to do there', () => {
  const settings = settingsOf({ to: 'latest' })
  expect(settings.recovery_target_action).toBeUndefined()
  expect(settings.recovery_target_timeline).toBe('3')
})

test('a recovered server archives nowhere, follows nobody and listens to its socket only', () => {
  expect(settingsOf({ to: 'latest' })).toMatchObject({
    ...{ archive_mode: 'off', primary_conninfo: '', primary_slot_name: '', listen_addresses: '' },
    ...{ shared_preload_libraries: '', max_logical_replication_workers: '0', max_connections: '300' },
  })
})

test('without an archive the command says that nothing is there', () => {
  expect(settingsOf({ to: 'end of backup' }, { restoreCommand: undefined }).restore_command).toBe('exit 1')
})

test('what the replay needs is read from pg_controldata', () => {
  const printed = `pg_control version number:            1300
max_connections setting:              250
max_worker_processes setting:         8
max_wal_senders setting:              10
max_prepared_xacts setting:           7
max_locks_per_xact setting:           64
track_commit_timestamp setting:       off
`
  expect(floorsOf(printed)).toEqual({
    ...{ max_connections: 250, max_worker_processes: 8, max_wal_senders: 10 },
    ...{ max_prepared_transactions: 7, max_locks_per_transaction: 64 },
  })
})
