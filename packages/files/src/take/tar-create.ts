import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { askedOnce } from '@lifeboat/postgres/tools/asked-once.ts'
import type { Program } from '@lifeboat/postgres/tools/find-tools.ts'
import { ownProgram } from '@lifeboat/postgres/tools/own-program.ts'
import { BASE_ENV, type Stage } from '@lifeboat/postgres/tools/stage.ts'

const execute = promisify(execFile)

/** What tar says with names in C: bytes beyond ASCII as octal escapes. */
const ENV = { ...BASE_ENV, LC_ALL: 'C' }
/** Some files changed or vanished while they were read. */
const FILES_DIFFER = 1

export interface TarCreate {
  program: string
  root: string
  /** Of the backup this one is to be incremental to; replaced afterwards. Without one it is full. */
  snapshot?: string
  oneFilesystem: boolean
  /** Options of patterns, see patterns.ts. */
  excludes: readonly string[]
  /** Whether this tar knows extended attributes. */
  attributes: boolean
}

/**
 * Archives a tree, or what changed in it since a snapshot was made. Starting points come on standard input, each ended by a zero byte.
 *
 * POSIX format: names of any length and bytes, times to the nanosecond, sparse files, attributes. Access control lists are among the extended
 * attributes, as the kernel has them; asking for them by `--acls` would look up each file by its whole path once more. What it could not read it warns of; see
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
      ...(opts.snapshot === undefined ? [] : [`--listed-incremental=${opts.snapshot}`, '--no-check-device']),
      ...(opts.attributes ? ['--xattrs'] : []),
      ...(opts.oneFilesystem ? ['--one-file-system'] : []),
      ...opts.excludes,
      ...[`--directory=${opts.root}`, '--null', '--verbatim-files-from', '--files-from=-'],
    ],
    env: ENV,
    encoding: 'tar',
    tolerates: [FILES_DIFFER],
  }
}

/** Whether this tar was built with extended attributes. */
export async function hasAttributes({ path }: Pick<Program, 'path'>): Promise<boolean> {
  const asked = ['--create', '--file=/dev/null', '--xattrs', '--files-from=/dev/null']
  return askedOnce(path, 'attributes', () => execute(path, asked, { env: { ...ENV }, timeout: 10_000 })).then(
    () => true,
    () => false,
  )
}

/** A snapshot for later incrementals, see folder-snapshot.ts. */
export interface SnapshotToMake {
  path: string
  /** The tree, no link on the way to it. */
  root: string
  /** A moment before tar began. */
  startedMs: number
  oneFilesystem: boolean
}

export interface ArchiveGateStage {
  level: number
  /** Open descriptor of where the list of members goes; the caller closes it. */
  list: number
  snapshot?: SnapshotToMake
}

/** Lists the members of an archive, compresses it and makes a snapshot of it. */
export function archiveGateStage({ level, list, snapshot }: ArchiveGateStage): Stage {
  const script = new URL('../gate/gate-main.ts', import.meta.url)
  return {
    tool: 'files-gate',
    ...ownProgram(script, `--level=${level}`, ...(snapshot ? snapshotArgs(snapshot) : [])),
    reports: true,
    inherits: list,
    encoding: 'zstd',
  }
}

function snapshotArgs({ path, root, startedMs, oneFilesystem }: SnapshotToMake): string[] {
  const where = [`--snapshot=${path}`, `--root=${root}`, `--started-ms=${startedMs}`]
  return oneFilesystem ? [...where, '--one-filesystem'] : where
}
