import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** So much is dealt at a time; the rows of a block come to lie together. What COPY writes behind the rows is far less. */
export const BLOCK_BYTES = 512 * 1024
/** For a block and a piece. */
const ROOM_BYTES = 2 * BLOCK_BYTES
const NEWLINE = 0x0a
/** The line behind the last row. A row never looks so: COPY writes a backslash in a value as two. */
const END = '\n\\.\n'

/** Whole rows: BLOCK_BYTES or more, except of the last. */
export interface RowBlock {
  rows: Buffer
  /** Nobody reads them any more: their memory is used for further rows. Without it that is left to the garbage collector. */
  release: () => void
}

/**
 * Cuts what an archive holds of one table into blocks that end where a row ends: in COPY's text format a row is a line, whatever its values hold. The
 * table has some rows; the line that ends them is left out, and so is what comes behind it.
 *
 * @param contents a piece may be overwritten once the next is asked for
 * @param statement for the error
 * @see https://www.postgresql.org/docs/current/sql-copy.html – "Text Format"
 * @throws LifeboatError ARTIFACT_UNREADABLE – the rows have no end
 */
export async function* copiedRows(contents: AsyncIterable<Uint8Array>, statement: string): AsyncGenerator<RowBlock> {
  const rooms = new Rooms()
  /** Kept until the next is whole: the end of the rows may be in it. */
  let block: Buffer = Buffer.alloc(0)
  let room: Buffer = rooms.take()
  let filled = 0
  for await (const piece of contents) {
    room = roomFor(room, filled, piece.length)
    room.set(piece, filled)
    const cut = filled + piece.lastIndexOf(NEWLINE) + 1
    filled += piece.length
    if (filled < BLOCK_BYTES || cut === filled - piece.length) continue
    if (block.length > 0) yield rooms.lend(block)
    block = room.subarray(0, cut)
    const rest = room.subarray(cut, filled)
    room = roomFor(rooms.take(), 0, rest.length)
    room.set(rest)
    filled = rest.length
  }
  const rows = Buffer.concat([block, room.subarray(0, filled)])
  const end = rows.lastIndexOf(END)
  if (end < 0)
    throw new LifeboatError('ARTIFACT_UNREADABLE', { artifact: statement.trimEnd(), problem: 'its rows have no end' })
  yield { rows: rows.subarray(0, end + 1), release() {} }
}

/**
 * Memory that is used again and again: a buffer of this size for each block of a large table keeps the garbage collector at work, which looks through the
 * whole heap for every few of them.
 */
class Rooms {
  readonly #empty: Buffer[] = []

  take(): Buffer {
    return this.#empty.pop() ?? Buffer.allocUnsafeSlow(ROOM_BYTES)
  }

  lend(rows: Buffer): RowBlock {
    return {
      rows,
      release: () => {
        if (rows.buffer.byteLength === ROOM_BYTES) this.#empty.push(Buffer.from(rows.buffer))
      },
    }
  }
}

/** Whose rows are long gets more, and keeps what is in it already. */
function roomFor(room: Buffer, filled: number, more: number): Buffer {
  if (filled + more <= room.length) return room
  const larger = Buffer.allocUnsafeSlow(Math.max(filled + more, 2 * room.length))
  larger.set(room.subarray(0, filled))
  return larger
}
