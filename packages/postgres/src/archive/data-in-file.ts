import { open, stat } from 'node:fs/promises'
import { pieces } from './pieces.ts'
import { type ArchiveToc, readToc } from './read-toc.ts'

/** What an archive holds of one table, or of the large objects. */
export interface StoredData {
  /** Of its entry. */
  id: number
  desc: string
  /** The statement that takes its rows in, with the line's end: `COPY … FROM stdin;`. Empty for what no COPY brings in. */
  copy: string
  /** Where in the file it begins. */
  at: number
  /** How much of the file it takes. */
  bytes: number
}

const READ_BYTES = 64 * 1024

/**
 * Reads what stands in an archive that is a file, with the places of its data in its table of contents; data whose place is unknown is left out.
 *
 * @throws Error when it is no archive in custom format · errors of the disk
 */
export async function dataInFile(path: string): Promise<StoredData[]> {
  const { withData } = await tocInFile(path)
  return measured([...withData], (await stat(path)).size)
}

/** Its table of contents; what comes behind that may be missing. @throws as dataInFile */
export async function tocInFile(path: string): Promise<ArchiveToc> {
  await using file = await open(path)
  const head = pieces()
  const parser = readToc(head)
  for (;;) {
    const step = parser.next()
    if (step.done) return step.value
    const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_BYTES))
    if (bytesRead === 0) throw new Error('it ends inside its table of contents')
    head.add(buffer.subarray(0, bytesRead))
  }
}

/** Data begins where that before it ends. */
function measured(entries: [number, { desc: string; copy: string; place: number | undefined }][], end: number) {
  const placed = entries.flatMap(([id, { desc, copy, place }]) =>
    place === undefined ? [] : [{ id, desc, copy, place }],
  )
  placed.sort((one, other) => one.place - other.place)
  return placed.map(({ place: at, ...entry }, no): StoredData => {
    const next = placed[no + 1]?.place ?? end
    return { ...entry, at, bytes: next - at }
  })
}
