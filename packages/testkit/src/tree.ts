import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A tree and tar's own memory of it. */
export interface Tree extends Disposable {
  readonly root: string
  /** The whole tree the first time, what changed since then. */
  archive(): Buffer
}

export function openTree(): Tree {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-tree-'))
  const root = join(folder, 'tree')
  execFileSync('mkdir', [root])
  const how = [
    '--format=posix',
    '--sparse',
    '--xattrs',
    '--no-check-device',
    `--listed-incremental=${join(folder, 'snapshot')}`,
  ]
  return {
    root,
    archive: () => execFileSync('tar', ['--create', '--file=-', ...how, '-C', root, '.'], { maxBuffer: 1e9 }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
