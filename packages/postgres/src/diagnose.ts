import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { type Facts, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { StageReceipt } from './tools/stage.ts'

/** Condition names: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const BY_SQLSTATE: Record<string, ErrorCode> = {
  '28P01': 'SOURCE_AUTH_REFUSED',
  '28000': 'SOURCE_AUTH_REFUSED',
  '3D000': 'SOURCE_DATABASE_MISSING',
  '42501': 'SOURCE_RIGHTS_MISSING',
  '55P03': 'SOURCE_LOCKED',
  '53100': 'SOURCE_DISK_FULL',
  '57P01': 'SOURCE_CONNECTION_LOST',
  '57P02': 'SOURCE_CONNECTION_LOST',
  '57P03': 'SOURCE_UNREACHABLE',
  '53300': 'SOURCE_UNREACHABLE',
}

const BY_SYSTEM_CODE: Record<string, ErrorCode> = {
  ECONNREFUSED: 'SOURCE_UNREACHABLE',
  ENOTFOUND: 'SOURCE_UNREACHABLE',
  EAI_AGAIN: 'SOURCE_UNREACHABLE',
  EHOSTUNREACH: 'SOURCE_UNREACHABLE',
  ENETUNREACH: 'SOURCE_UNREACHABLE',
  ETIMEDOUT: 'SOURCE_UNREACHABLE',
  ENOENT: 'SOURCE_UNREACHABLE',
  EACCES: 'SOURCE_UNREACHABLE',
  ECONNRESET: 'SOURCE_CONNECTION_LOST',
  EPIPE: 'SOURCE_CONNECTION_LOST',
}

/** The driver has no codes for these. */
const BY_DRIVER_MESSAGE: readonly [RegExp, ErrorCode][] = [
  [/Connection terminated due to connection timeout|timeout expired/, 'SOURCE_UNREACHABLE'],
  [/Connection terminated|not queryable|Client was closed/, 'SOURCE_CONNECTION_LOST'],
  [/does not support SSL/, 'SOURCE_TLS_REFUSED'],
  [/password must be a string|must be a non-empty string/, 'SOURCE_AUTH_REFUSED'],
]

/** What PostgreSQL's programs write before they give up; the first pattern that fits decides. */
const BY_STDERR: readonly [RegExp, ErrorCode][] = [
  [/No space left on device|Check free disk space|Disk quota exceeded/, 'SOURCE_DISK_FULL'],
  [
    /password authentication failed|no password supplied|no pg_hba\.conf entry|(Peer|Ident|GSSAPI|LDAP|certificate) authentication failed|role ".*" does not exist|is not permitted to log in/,
    'SOURCE_AUTH_REFUSED',
  ],
  [/FATAL: {2}database ".*" does not exist/, 'SOURCE_DATABASE_MISSING'],
  [
    /certificate verify failed|server does not support SSL|root certificate file|does not match host name/,
    'SOURCE_TLS_REFUSED',
  ],
  [
    /server closed the connection unexpectedly|terminating connection|SSL connection has been closed|no connection to the server|connection not open|PQgetCopyData\(\) failed/,
    'SOURCE_CONNECTION_LOST',
  ],
  [/lock timeout|statement timeout[\s\S]*LOCK TABLE|could not obtain lock/, 'SOURCE_LOCKED'],
  [/permission denied|row-level security policy|must be superuser|must be owner/, 'SOURCE_RIGHTS_MISSING'],
  [
    /could not connect|Connection refused|could not translate host name|timeout expired|starting up|shutting down|too many clients/,
    'SOURCE_UNREACHABLE',
  ],
]

/** Translates what the driver threw; anything unknown stays as it is for `LifeboatError.from`. */
export function diagnoseSql(thrown: unknown, facts: Facts = {}): LifeboatError {
  if (thrown instanceof LifeboatError) return thrown
  const err = thrown instanceof AggregateError ? thrown.errors[0] : thrown
  if (!(err instanceof Error)) return LifeboatError.from(thrown)
  const code = 'code' in err && typeof err.code === 'string' ? err.code : ''
  const known = BY_SQLSTATE[code] ?? BY_SYSTEM_CODE[code] ?? (isTlsCode(code) ? 'SOURCE_TLS_REFUSED' : undefined)
  const found = known ?? BY_DRIVER_MESSAGE.find(([pattern]) => pattern.test(err.message))?.[1]
  if (found === undefined) return LifeboatError.from(thrown)
  return new LifeboatError(
    found,
    { ...facts, ...(code ? { sqlState: code } : {}), message: err.message },
    { cause: err },
  )
}

/** Translates how a program ended badly. */
export function diagnoseStage(receipt: StageReceipt): LifeboatError {
  const facts = {
    tool: receipt.tool,
    exitCode: receipt.exitCode,
    signal: receipt.signal,
    stderr: lastLines(receipt.stderr),
  }
  if (receipt.notStarted !== undefined)
    return new LifeboatError('TOOL_MISSING', { ...facts, reason: receipt.notStarted })
  const talksToServer = receipt.tool.startsWith('pg_') || receipt.tool === 'psql'
  const told = talksToServer ? BY_STDERR.find(([pattern]) => pattern.test(receipt.stderr))?.[1] : undefined
  if (told !== undefined) return new LifeboatError(told, facts)
  return new LifeboatError(receipt.signal === undefined ? 'TOOL_FAILED' : 'TOOL_KILLED', facts)
}

function isTlsCode(code: string): boolean {
  return /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(code)
}

function lastLines(stderr: string): string {
  return stderr.trim().split('\n').slice(-8).join('\n').slice(-2000)
}
