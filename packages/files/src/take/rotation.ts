import type { FilesSourceConfig } from '../source-config.ts'
import { walkTree } from './walk-tree.ts'

/** Which file stood under which name, by inode: a name that moves on is no other file. */
export type Inodes = ReadonlyMap<string, { name: string; bytes: number }>

/** Holds a line per file: meant for folders with logs, not for millions. */
export async function readInodes(
  source: FilesSourceConfig,
  points: readonly Buffer[],
  signal: AbortSignal,
): Promise<Inodes> {
  const inodes = new Map<string, { name: string; bytes: number }>()
  await walkTree(
    source,
    points,
    (name, stat) => {
      if (!stat.isFile()) return
      const inode = `${stat.dev}:${stat.ino}`
      const here = name.toString('latin1')
      const known = inodes.get(inode)
      // Of a file with several names always the same one counts.
      if (known === undefined || here < known.name) inodes.set(inode, { name: here, bytes: stat.size })
    },
    signal,
  )
  return inodes
}

/**
 * Why what was read in between may lack or double lines: a file got another name, vanished (into a compressed one), or was cut to be begun again
 * (logrotate's copytruncate). undefined when nothing of that happened; files that grew are as they were when they were read.
 */
export function rotatedBetween(before: Inodes, after: Inodes): string | undefined {
  for (const [inode, { name, bytes }] of before) {
    const now = after.get(inode)
    if (now === undefined) return `${name} vanished`
    if (now.name !== name) return `${name} became ${now.name}`
    if (now.bytes < bytes) return `${name} was cut`
  }
  return undefined
}
