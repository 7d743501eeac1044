/**
 * What a folder held when it was read, as GNU tar notes it in an incremental archive: `Y` names in the archive, `N` names that did not change,
 * `D` folders; and of folders that were renamed `R` from, `T` to, `X` a temporary place.
 *
 * @see https://www.gnu.org/software/tar/manual/html_node/Dumpdir.html
 */
export interface DumpdirEntry {
  code: string
  name: string
}

/** @param dumpdir bytes as latin1; names likewise */
export function* readDumpdir(dumpdir: string): Generator<DumpdirEntry> {
  for (let at = 0; at < dumpdir.length && dumpdir[at] !== '\0'; ) {
    const end = dumpdir.indexOf('\0', at)
    if (end < 0) throw new Error('a list of a folder without end')
    yield { code: dumpdir[at] as string, name: dumpdir.slice(at + 1, end) }
    at = end + 1
  }
}
