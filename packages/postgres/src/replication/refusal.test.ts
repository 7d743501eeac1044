import { expect, test } from 'vitest'
import type { SourceConnection } from '../connection.ts'
import type { ServerWord } from './messages.ts'
import { loginRefusalOf, refusalOf } from './refusal.ts'

function said(sqlState: string, routine: string, message: string, hint = ''): ServerWord {
  return { severity: 'ERROR', sqlState, routine, message, hint }
}

/** In the words of the servers themselves; German where the code must not hang on the language. */
test.each([
  ['WAL_SLOT_MISSING', said('42704', 'ReplicationSlotAcquire', 'Replikations-Slot »x« existiert nicht')],
  ['WAL_SLOT_IN_USE', said('55006', 'ReplicationSlotAcquire', 'Replikations-Slot »x« ist aktiv für PID 7')],
  ['WAL_SLOT_INVALIDATED', said('55000', 'ReplicationSlotAcquire', 'can no longer access replication slot "x"')],
  ['WAL_REMOVED', said('58P01', 'WalSndSegmentOpen', 'das WAL-Segment 000000010000000000000001 wurde schon entfernt')],
  ['SOURCE_FILES_UNREADABLE', said('58030', 'sendFile', 'could not read file "base/5/1259": Input/output error')],
  ['BASE_COMPRESSION_UNSUPPORTED', said('0A000', 'bbsink_zstd_new', 'zstd compression is not supported by this build')],
  [
    'BASE_COMPRESSION_UNSUPPORTED',
    said('42601', 'parse_basebackup_options', 'invalid compression specification: this build does not support zstd'),
  ],
  [
    'SOURCE_REPLICATION_OFF',
    said('55000', 'do_pg_backup_start', 'WAL-Level nicht ausreichend', 'wal_level muss auf »replica« gesetzt sein'),
  ],
  [
    'SOURCE_STANDBY_UNFIT',
    said('55000', 'do_pg_backup_stop', 'der Standby-Server wurde während des Backups befördert'),
  ],
  ['SOURCE_CONNECTION_LOST', said('57P01', 'ProcessInterrupts', 'Verbindung wird abgebrochen')],
  ['INTERNAL', said('XX000', 'elog_start', 'unheard of')],
])('%s is told by what does not depend on the language of the server', (code, word) => {
  const err = refusalOf(word, { host: 'db1' })
  expect(err.code).toBe(code)
  expect(err.facts).toMatchObject(code === 'INTERNAL' ? { message: 'unheard of' } : { host: 'db1' })
})

test('a segment that was removed is named, and a history that is not there is no segment', () => {
  const removed = said('58P01', 'WalSndSegmentOpen', 'das WAL-Segment 00000001000000000000000A wurde schon entfernt')
  expect(refusalOf(removed, {}).facts).toMatchObject({ segment: '00000001000000000000000A' })
  const noHistory = said('58P01', 'SendTimeLineHistory', 'could not open file "pg_wal/00000009.history"')
  expect(refusalOf(noHistory, {})).toMatchObject({ code: 'WAL_REMOVED', facts: { segment: undefined } })
})

const db1: SourceConnection = { host: 'db1', port: 5432, database: 'app', user: 'backup', sslmode: 'prefer' }

function refused(code: string, message: string): Error {
  return Object.assign(new Error(message), { code, routine: 'ClientAuthentication' })
}

test.each([
  [
    db1,
    'no pg_hba.conf entry for replication connection from host "10.0.0.7", user "backup"',
    'host replication backup 10.0.0.7/32 scram-sha-256',
  ],
  [db1, 'kein pg_hba.conf-Eintrag für Host »2001:db8::7«', 'host replication backup 2001:db8::7/128 scram-sha-256'],
  [{ ...db1, host: '/run/postgresql', user: 'Back Up' }, 'no entry', 'local replication "Back Up" scram-sha-256'],
])('the line that is missing in pg_hba.conf is spelt out', (to, message, fix) => {
  const err = loginRefusalOf(refused('28000', message), to)
  expect(err).toMatchObject({ code: 'SOURCE_REPLICATION_REFUSED', facts: { fix } })
})
