import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { libpqEnv, type SourceConnection } from '../connection.ts'
import type { Program } from './find-tools.ts'
import { BASE_ENV, type Stage } from './stage.ts'

const execute = promisify(execFile)

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

/** Whether this pg_dump (16 or newer) was built with zstd. It looks at its options before it looks for a server. */
export async function hasZstd(program: Program): Promise<boolean> {
  const args = ['--format=custom', '--compress=zstd:1', '--no-password', '--host=/nonexistent', '--file=/dev/null']
  const said = await execute(program.path, args, { env: { ...BASE_ENV }, timeout: 10_000 }).then(
    () => '',
    (err: { stderr?: string }) => err.stderr ?? '',
  )
  return !/does not support|invalid|unrecognized/i.test(said)
}
