import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { type Facts, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { about, type SourceConnection } from '../connection.ts'
import { diagnoseSql } from '../diagnose.ts'
import { quoteIdent } from '../sql-text.ts'
import type { ServerWord } from './messages.ts'

interface Rule {
  sqlState?: string
  /** Name of the server's function that complained: the same in every language. */
  routine?: RegExp
  /** Tried on message and hint; only for what is not translated (names of settings), or as the last way to tell two apart. */
  says?: RegExp
  code: ErrorCode
}

/** The first that fits decides. Learned from the sources of PostgreSQL 15 to 18: walsender.c, slot.c, basebackup*.c, xlog.c. */
const RULES: readonly Rule[] = [
  { routine: /manifest/i, code: 'BASE_PARENT_UNFIT' },
  { sqlState: '55000', routine: /^parse_basebackup_options$/, code: 'BASE_INCREMENTAL_UNSUPPORTED' },
  { sqlState: '55000', routine: /^WaitForWalSummarization$/, code: 'BASE_SUMMARIES_MISSING' },
  { routine: /^PrepareForIncrementalBackup$/, says: /summar/i, code: 'BASE_SUMMARIES_MISSING' },
  { routine: /^PrepareForIncrementalBackup$/, code: 'BASE_PARENT_UNFIT' },
  { sqlState: '53300', says: /max_wal_senders\D*0\b/, code: 'SOURCE_REPLICATION_OFF' },
  { sqlState: '53300', says: /max_wal_senders/, code: 'SOURCE_SENDERS_EXHAUSTED' },
  { sqlState: '53400', routine: /^ReplicationSlotCreate$/, code: 'WAL_SLOTS_EXHAUSTED' },
  { sqlState: '42710', code: 'WAL_SLOT_EXISTS' },
  { sqlState: '42704', code: 'WAL_SLOT_MISSING' },
  { sqlState: '55006', code: 'WAL_SLOT_IN_USE' },
  { sqlState: '55000', routine: /Slot/, code: 'WAL_SLOT_INVALIDATED' },
  { sqlState: '55000', says: /invalidated/, code: 'WAL_SLOT_INVALIDATED' },
  { sqlState: '55000', says: /wal_level/, code: 'SOURCE_REPLICATION_OFF' },
  { sqlState: '55000', says: /full_page_writes|promoted/, code: 'SOURCE_STANDBY_UNFIT' },
  { sqlState: '55000', routine: /^do_pg_backup_(start|stop)$/, code: 'SOURCE_STANDBY_UNFIT' },
  { sqlState: '0A000', routine: /zstd|gzip|lz4/, code: 'BASE_COMPRESSION_UNSUPPORTED' },
  { sqlState: '42601', says: /compress/i, code: 'BASE_COMPRESSION_UNSUPPORTED' },
  { sqlState: '22023', routine: /zstd|gzip|lz4/, code: 'BASE_COMPRESSION_UNSUPPORTED' },
  { sqlState: 'XX000', routine: /zstd|gzip|lz4/, code: 'BASE_COMPRESSION_UNSUPPORTED' },
  { sqlState: 'XX000', routine: /^(StartReplication|tliSwitchPoint)$/, code: 'WAL_START_FOREIGN' },
  { sqlState: '58P01', says: /[0-9A-F]{24}|\.history/, code: 'WAL_REMOVED' },
  { sqlState: '58P01', code: 'SOURCE_FILES_UNREADABLE' },
  { sqlState: '58030', code: 'SOURCE_FILES_UNREADABLE' },
  { sqlState: 'XX001', routine: /^perform_base_backup$/, code: 'BASE_CHECKSUMS_FAILED' },
  { sqlState: '57014', code: 'SOURCE_CONNECTION_LOST' },
]

const SEGMENT = /[0-9A-F]{24}/

/** Translates what a replication connection was told once it stood; WAL_REMOVED names the `segment`, if it is not about a history. */
export function refusalOf(word: ServerWord, facts: Facts): LifeboatError {
  const text = `${word.message}\n${word.hint ?? ''}`
  const rule = RULES.find(
    (each) =>
      (each.sqlState ?? word.sqlState) === word.sqlState &&
      (each.routine?.test(word.routine ?? '') ?? true) &&
      (each.says?.test(text) ?? true),
  )
  const cause = Object.assign(new Error(word.message), { code: word.sqlState })
  if (rule === undefined) return diagnoseSql(cause, facts)
  const { sqlState, message, detail, routine } = word
  const segment = rule.code === 'WAL_REMOVED' ? SEGMENT.exec(message)?.[0] : undefined
  return new LifeboatError(rule.code, { ...facts, sqlState, message, detail, routine, segment }, { cause })
}

/** Translates why no replication connection came about; names the statement or the line that repairs it. */
export function loginRefusalOf(thrown: unknown, to: SourceConnection): LifeboatError {
  const err: Partial<ServerWord & { code: string }> = thrown instanceof Error ? thrown : {}
  const facts = { ...about(to), sqlState: err.code, message: err.message }
  if (err.code === '42501')
    return new LifeboatError('SOURCE_REPLICATION_REFUSED', { ...facts, fix: mayReplicate(to) }, { cause: thrown })
  if (err.code === '28000' && err.routine === 'ClientAuthentication')
    return new LifeboatError(
      'SOURCE_REPLICATION_REFUSED',
      { ...facts, fix: hbaLine(to, err.message ?? '') },
      { cause: thrown },
    )
  if (err.code === '53300' && err.message !== undefined)
    return refusalOf({ severity: 'FATAL', sqlState: err.code, message: err.message }, about(to))
  return diagnoseSql(thrown, about(to))
}

function mayReplicate(to: SourceConnection): string {
  return `ALTER ROLE ${quoteIdent(to.user)} REPLICATION;`
}

/**
 * `replication` is no database but a word of its own in pg_hba.conf: `all` does not cover it. Who came over TLS, which the server says in every language,
 * is let in over TLS only.
 */
function hbaLine(to: SourceConnection, message: string): string {
  const user = /^[a-z_][a-z0-9_]*$/.test(to.user) ? to.user : `"${to.user}"`
  if (to.host.startsWith('/')) return `local replication ${user} scram-sha-256`
  const [address = 'ADDRESS'] = /\d+(\.\d+){3}|[0-9a-f]*:[0-9a-f]*:[0-9a-f:]*/i.exec(message) ?? []
  const one = address.includes(':') ? `${address}/128` : `${address}/32`
  const kind = /\bSSL\b/.test(message) ? 'hostssl' : 'host'
  return `${kind} replication ${user} ${one} scram-sha-256`
}
