import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** So much is dealt at a time; the rows of a block come to lie together. What pg_restore writes behind the rows is far less. */
const BLOCK_BYTES = 512 * 1024
const NEWLINE = 0x0a
/** The line behind the last row. A row never looks so: COPY writes a backslash in a value as two. */
const END = '\n\\.\n'

/** Whole rows, in pieces as they came. */
export type RowBlock = readonly Uint8Array[]

/**
 * Cuts the rows of one table out of the script that pg_restore makes of its data, into blocks that end where a row ends: in COPY's text format a row is a
 * line, whatever its values hold. The table has some rows.
 *
 * @param statement `COPY … FROM stdin;` as it stands in the script, with its line's end; what comes before it is left out, and so is what comes behind the rows
 * @see https://www.postgresql.org/docs/current/sql-copy.html – "Text Format"
 * @throws LifeboatError ARTIFACT_UNREADABLE – the script has no such statement, or its rows no end
 */
export async function* copiedRows(script: AsyncIterable<Uint8Array>, statement: string): AsyncGenerator<RowBlock> {
  /** Kept until the next is whole: the end of the rows may be in it. */
  let block: RowBlock = []
  let held: Uint8Array[] = []
  let heldBytes = 0
  let isHead = true
  for await (const chunk of script) {
    held.push(chunk)
    heldBytes += chunk.length
    const cut = chunk.lastIndexOf(NEWLINE) + 1
    if (heldBytes < BLOCK_BYTES || cut === 0) continue
    yield block
    const whole = [...held.slice(0, -1), chunk.subarray(0, cut)]
    block = isHead ? [behind(statement, Buffer.concat(whole))] : whole
    isHead = false
    held = [chunk.subarray(cut)]
    heldBytes = chunk.length - cut
  }
  const last = Buffer.concat([...block, ...held])
  const rows = isHead ? behind(statement, last) : last
  const end = rows.lastIndexOf(END)
  if (end < 0) throw unreadable(statement, 'its rows have no end')
  yield [rows.subarray(0, end + 1)]
}

function behind(statement: string, bytes: Buffer): Buffer {
  const at = bytes.indexOf(statement)
  if (at < 0) throw unreadable(statement, 'pg_restore writes no such statement')
  return bytes.subarray(at + Buffer.byteLength(statement))
}

function unreadable(statement: string, problem: string): LifeboatError {
  return new LifeboatError('ARTIFACT_UNREADABLE', { artifact: statement.trimEnd(), problem })
}
