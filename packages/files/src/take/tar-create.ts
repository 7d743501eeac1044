import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Program } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV, type Stage } from '@lifeboat/postgres/tools/stage.ts'

const execute = promisify(execFile)

/** What tar says with names in C: bytes beyond ASCII as octal escapes. */
const ENV = { ...BASE_ENV, LC_ALL: 'C' }
/** Some files changed or vanished while they were read. */
const FILES_DIFFER = 1

export interface TarCreate {
  program: string
  root: string
  /** Read before and replaced after; an empty or absent one makes a full backup. */
  snapshot: string
  oneFilesystem: boolean
  /** Options of patterns, see patterns.ts. */
  excludes: readonly string[]
  /** Whether this tar knows extended attributes and access control lists. */
  attributes: boolean
}

/**
 * Archives a tree, or what changed in it since a snapshot was made. Starting points come on standard input, each ended by a zero byte.
 *
 * POSIX format: names of any length and bytes, times to the nanosecond, sparse files, attributes. What it could not read it warns of; see
 * notices.ts. Exit code 1, some files changed while they were read, is told and no failure.
 *
 * @see https://www.gnu.org/software/tar/manual/html_node/Incremental-Dumps.html
 */
export function tarCreate(opts: TarCreate): Stage {
  return {
    tool: 'tar',
    program: opts.program,
    args: [
      ...['--create', '--file=-', '--format=posix', '--blocking-factor=128', '--sparse'],
      ...['--pax-option=delete=atime,delete=ctime', '--ignore-failed-read'],
      ...[`--listed-incremental=${opts.snapshot}`, '--no-check-device'],
      ...(opts.attributes ? ['--xattrs', '--acls'] : []),
      ...(opts.oneFilesystem ? ['--one-file-system'] : []),
      ...opts.excludes,
      ...[`--directory=${opts.root}`, '--null', '--verbatim-files-from', '--files-from=-'],
    ],
    env: ENV,
    encoding: 'tar',
    tolerates: [FILES_DIFFER],
  }
}

/** Whether this tar was built with extended attributes and access control lists. */
export async function hasAttributes({ path }: Pick<Program, 'path'>): Promise<boolean> {
  const asked = ['--create', '--file=/dev/null', '--xattrs', '--acls', '--files-from=/dev/null']
  return execute(path, asked, { env: { ...ENV }, timeout: 10_000 }).then(
    () => true,
    () => false,
  )
}

/** @param list open descriptor of where the list of members goes; the caller closes it */
export function archiveGateStage(list: number): Stage {
  const script = fileURLToPath(new URL('../gate/gate-main.ts', import.meta.url))
  return {
    tool: 'files-gate',
    program: process.execPath,
    args: [script],
    env: BASE_ENV,
    reports: true,
    inherits: list,
    encoding: '',
  }
}
