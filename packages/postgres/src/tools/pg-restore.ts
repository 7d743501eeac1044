import { libpqEnv, type SourceConnection } from '../connection.ts'
import { BASE_ENV, type Stage } from './stage.ts'

export interface PgRestoreOptions {
  program: string
  connection: SourceConnection
  applicationName: string
  /** The archive; default standard input, which allows no parallel jobs. */
  file?: string
  /** Parallel jobs; needs `file`. */
  jobs?: number
  /** Further arguments, e.g. ['--no-owner']. */
  more?: readonly string[]
}

/**
 * Restores a custom-format archive into an existing database and stops at the first error.
 *
 * @see https://www.postgresql.org/docs/current/app-pgrestore.html – without --exit-on-error it goes on and exits 1 only at the end
 */
export function pgRestore(opts: PgRestoreOptions): Stage {
  const jobs = opts.file !== undefined && (opts.jobs ?? 1) > 1 ? [`--jobs=${opts.jobs}`] : []
  return {
    tool: 'pg_restore',
    program: opts.program,
    args: [
      '--exit-on-error',
      '--no-password',
      `--dbname=${opts.connection.database}`,
      ...jobs,
      ...(opts.more ?? []),
      ...(opts.file === undefined ? [] : [opts.file]),
    ],
    env: { ...BASE_ENV, ...libpqEnv(opts.connection, opts.applicationName) },
  }
}
