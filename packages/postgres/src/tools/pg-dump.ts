import type { SourceConnection } from '../connection.ts'
import { libpqEnv } from '../connection.ts'
import { BASE_ENV, type Stage } from './stage.ts'

export interface PgDumpOptions {
  /** Path of the program. */
  program: string
  connection: SourceConnection
  applicationName: string
  /** Name given by pg_export_snapshot(); its transaction stays open until the dump has imported it. */
  snapshot: string
  /** How long to wait for each table's lock, milliseconds. */
  lockTimeoutMs: number
  /** zstd level when pg_dump itself compresses (16 on); undefined leaves the archive uncompressed. */
  zstdLevel?: number | undefined
}

/**
 * One database in custom format to standard output.
 *
 * @see https://www.postgresql.org/docs/current/app-pgdump.html
 */
export function pgDump(opts: PgDumpOptions): Stage {
  const compress = opts.zstdLevel === undefined ? '--compress=0' : `--compress=zstd:${opts.zstdLevel}`
  return {
    tool: 'pg_dump',
    program: opts.program,
    args: [
      '--format=custom',
      compress,
      `--snapshot=${opts.snapshot}`,
      `--lock-wait-timeout=${Math.round(opts.lockTimeoutMs)}`,
      '--no-password',
    ],
    env: { ...BASE_ENV, ...libpqEnv(opts.connection, opts.applicationName) },
    encoding: `pg_dump --format=custom ${compress}`,
  }
}
