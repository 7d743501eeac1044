import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** So much is dealt at a time; the rows of a block come to lie together. What COPY writes behind the rows is far less. */
const BLOCK_BYTES = 512 * 1024
const NEWLINE = 0x0a
/** The line behind the last row. A row never looks so: COPY writes a backslash in a value as two. */
const END = '\n\\.\n'

/** Whole rows, in pieces as they came. */
export type RowBlock = readonly Uint8Array[]

/**
 * Cuts what an archive holds of one table into blocks that end where a row ends: in COPY's text format a row is a line, whatever its values hold. The
 * table has some rows; the line that ends them is left out, and so is what comes behind it.
 *
 * @param contents pieces that each have their memory for themselves
 * @param statement for the error
 * @see https://www.postgresql.org/docs/current/sql-copy.html – "Text Format"
 * @throws LifeboatError ARTIFACT_UNREADABLE – the rows have no end
 */
export async function* copiedRows(contents: AsyncIterable<Uint8Array>, statement: string): AsyncGenerator<RowBlock> {
  /** Kept until the next is whole: the end of the rows may be in it. */
  let block: RowBlock = []
  let held: Uint8Array[] = []
  let heldBytes = 0
  for await (const chunk of contents) {
    held.push(chunk)
    heldBytes += chunk.length
    const cut = chunk.lastIndexOf(NEWLINE) + 1
    if (heldBytes < BLOCK_BYTES || cut === 0) continue
    yield block
    block = [...held.slice(0, -1), chunk.subarray(0, cut)]
    held = [chunk.subarray(cut)]
    heldBytes = chunk.length - cut
  }
  const rows = Buffer.concat([...block, ...held])
  const end = rows.lastIndexOf(END)
  if (end < 0)
    throw new LifeboatError('ARTIFACT_UNREADABLE', { artifact: statement.trimEnd(), problem: 'its rows have no end' })
  yield [rows.subarray(0, end + 1)]
}
