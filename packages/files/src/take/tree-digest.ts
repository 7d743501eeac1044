import { createHash } from 'node:crypto'
import type { FilesSourceConfig } from '../source-config.ts'
import { walkTree } from './walk-tree.ts'

/** A digest of names, inodes, sizes, modes and times of a tree, without reading a file: another one means that something changed. */
export async function treeDigest(
  source: FilesSourceConfig,
  points: readonly Buffer[],
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256')
  await walkTree(
    source,
    points,
    (name, { ino, size, mode, uid, gid, mtimeMs, ctimeMs }) => {
      hash.update(name).update(`\0${ino} ${size} ${mode} ${uid} ${gid} ${mtimeMs} ${ctimeMs}\0`)
    },
    signal,
  )
  return hash.digest('hex')
}
