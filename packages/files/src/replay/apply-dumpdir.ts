import { readdirSync } from 'node:fs'
import { readDumpdir } from '../tar/dumpdir.ts'
import type { BoundedTree } from './bounded-tree.ts'

export interface Applied {
  deleted: number
  /** Names that are unchanged since an earlier archive and not there. */
  missing: string[]
}

/**
 * Makes a folder hold nothing that its list does not name, as GNU tar does when it extracts an incremental archive: renames first, then deletions.
 *
 * @param name of the folder, bytes as latin1; it is there
 * @throws Error – a rename that would leave the tree
 * @see https://www.gnu.org/software/tar/manual/html_node/Dumpdir.html
 */
export function applyDumpdir(tree: BoundedTree, name: string, dumpdir: string): Applied {
  const folders = new Map<string, boolean>()
  const unchanged: string[] = []
  let temporary = ''
  let from = ''
  for (const { code, name: entry } of readDumpdir(dumpdir)) {
    if (code === 'X') temporary = `${entry}/.lifeboat-rename`
    else if (code === 'R') from = entry === '' ? temporary : entry
    else if (code === 'T') moveIfThere(tree, from, entry === '' ? temporary : entry)
    else folders.set(entry, code === 'D')
    if (code === 'N') unchanged.push(entry)
  }
  return {
    deleted: purge(tree, name, folders),
    missing: unchanged.filter((entry) => !isThere(tree, `${name}/${entry}`)),
  }
}

/** A folder that was renamed and is in no earlier archive is a new one. */
function moveIfThere(tree: BoundedTree, from: string, to: string): void {
  if (isThere(tree, from)) tree.move(from, to)
}

function isThere(tree: BoundedTree, name: string): boolean {
  return tree.look(tree.place(name)) !== undefined
}

function purge(tree: BoundedTree, name: string, named: ReadonlyMap<string, boolean>): number {
  let deleted = 0
  const folder = Buffer.concat([tree.place(name), Buffer.from('/')])
  for (const entry of readdirSync(folder, { encoding: 'latin1' })) {
    const path = Buffer.concat([folder, Buffer.from(entry, 'latin1')])
    const found = tree.look(path)
    if (found === undefined || named.get(entry) === found.isDirectory()) continue
    tree.clear(path, found)
    deleted++
  }
  return deleted
}
