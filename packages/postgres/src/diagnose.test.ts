import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { diagnoseSql, diagnoseStage } from './diagnose.ts'

const sqlError = (code: string, message = 'said the server') => Object.assign(new Error(message), { code })
const ended = (stderr: string, more = {}) => ({ tool: 'pg_dump', exitCode: 1, durationMs: 5, stderr, ...more })

test.each([
  ['28P01', 'SOURCE_AUTH_REFUSED'],
  ['3D000', 'SOURCE_DATABASE_MISSING'],
  ['42501', 'SOURCE_RIGHTS_MISSING'],
  ['53100', 'SOURCE_DISK_FULL'],
  ['55P03', 'SOURCE_LOCKED'],
  ['57P01', 'SOURCE_CONNECTION_LOST'],
  ['57P03', 'SOURCE_UNREACHABLE'],
  ['ECONNREFUSED', 'SOURCE_UNREACHABLE'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'SOURCE_TLS_REFUSED'],
  ['XX000', 'INTERNAL'],
])('what the server calls %s is %s', (code, expected) => {
  const err = diagnoseSql(sqlError(code), { host: 'db1' })
  expect(err.code).toBe(expected)
  if (expected !== 'INTERNAL') expect(err.facts).toMatchObject({ host: 'db1', sqlState: code })
})

test('a refusal on every address of a host is told by the first', () => {
  expect(diagnoseSql(new AggregateError([sqlError('ECONNREFUSED'), sqlError('ECONNREFUSED')])).code).toBe(
    'SOURCE_UNREACHABLE',
  )
})

test('what was translated once stays as it is', () => {
  const err = new LifeboatError('RUN_CANCELLED', {})
  expect(diagnoseSql(err)).toBe(err)
})

test.each([
  [
    'pg_dump: error: connection to server at "db1" failed: FATAL:  password authentication failed for user "b"',
    'SOURCE_AUTH_REFUSED',
  ],
  ['pg_dump: error: connection to server failed: FATAL:  database "x" does not exist', 'SOURCE_DATABASE_MISSING'],
  [
    'pg_dump: error: query failed: ERROR:  permission denied for table t\npg_dump: detail: Query was: LOCK TABLE t',
    'SOURCE_RIGHTS_MISSING',
  ],
  [
    'pg_dump: error: query failed: ERROR:  canceling statement due to statement timeout\npg_dump: detail: Query was: LOCK TABLE t',
    'SOURCE_LOCKED',
  ],
  ['pg_dump: error: query would be affected by row-level security policy for table "t"', 'SOURCE_RIGHTS_MISSING'],
  [
    'pg_dump: error: Dumping the contents of table "t" failed: PQgetCopyData() failed.\nserver closed the connection unexpectedly',
    'SOURCE_CONNECTION_LOST',
  ],
  [
    'pg_restore: error: COPY failed for table "t": ERROR:  could not extend file "base/5/16384": No space left on device',
    'SOURCE_DISK_FULL',
  ],
  [
    'pg_restore: error: ERROR:  could not extend file "base/5/16384": wrote only 4096 of 8192 bytes at block 53\nHINT:  Check free disk space.',
    'SOURCE_DISK_FULL',
  ],
  ['pg_dump: error: connection to server at "db1", port 5432 failed: Connection refused', 'SOURCE_UNREACHABLE'],
  ['pg_dump: error: something nobody thought of', 'TOOL_FAILED'],
])('last words decide: %s', (stderr, code) => {
  expect(diagnoseStage(ended(stderr)).code).toBe(code)
})

test('another program that says the same words did not talk to a server', () => {
  expect(diagnoseStage(ended('zstd: permission denied', { tool: 'zstd' }))).toMatchObject({
    code: 'TOOL_FAILED',
    facts: { tool: 'zstd' },
  })
})

test('a signal is a kill, and a program that never started is missing', () => {
  expect(diagnoseStage(ended('', { exitCode: undefined, signal: 'SIGKILL' })).code).toBe('TOOL_KILLED')
  expect(diagnoseStage(ended('', { exitCode: undefined, notStarted: 'ENOENT' })).code).toBe('TOOL_MISSING')
})
