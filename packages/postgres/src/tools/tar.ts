import { BASE_ENV, type Stage } from './stage.ts'

/**
 * Packs files by their absolute names, with owners, modes and links, so that `tar -x -C FOLDER` puts them below FOLDER.
 *
 * @param files absolute paths
 */
export function tar(opts: { program: string; files: readonly string[] }): Stage {
  return {
    tool: 'tar',
    program: opts.program,
    args: [
      ...['--create', '--file=-', '--format=posix', '--no-recursion', '--directory=/', '--'],
      ...opts.files.map((file) => file.replace(/^\/+/, '')),
    ],
    env: BASE_ENV,
    encoding: 'tar',
  }
}
