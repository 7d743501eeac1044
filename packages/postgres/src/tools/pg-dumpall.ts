import { libpqEnv, type SourceConnection } from '../connection.ts'
import { BASE_ENV, type Stage } from './stage.ts'

export interface PgDumpallOptions {
  program: string
  connection: SourceConnection
  applicationName: string
  lockTimeoutMs: number
  /** Password hashes of roles; reading them needs a right few roles have. */
  rolePasswords: boolean
}

/** Roles, memberships, tablespaces and settings of roles, as SQL. */
export function pgDumpGlobals(opts: PgDumpallOptions): Stage {
  const { PGDATABASE: database = '', ...env } = libpqEnv(opts.connection, opts.applicationName)
  return {
    tool: 'pg_dumpall',
    program: opts.program,
    args: [
      '--globals-only',
      // Default would be `postgres` or template1, which the role need not be allowed to enter.
      `--database=${database}`,
      `--lock-wait-timeout=${Math.round(opts.lockTimeoutMs)}`,
      '--no-password',
      ...(opts.rolePasswords ? [] : ['--no-role-passwords']),
    ],
    env: { ...BASE_ENV, ...env },
    encoding: 'pg_dumpall --globals-only',
  }
}
