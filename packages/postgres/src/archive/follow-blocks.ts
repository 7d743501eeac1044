const BLK_DATA = 1
const BLK_BLOBS = 3

/** What the follower expects next. Plain numbers: this loop runs once per row of the database. */
const BLOCK = 0
const DUMP_ID = 1
const CHUNK = 2
const BLOB_OID = 3

/** A block that was begun. */
export interface OpenBlock {
  /** Of its entry. */
  id: number
  /** Where in the archive it begins. */
  at: number
}

export interface BlockFollower {
  add(piece: Uint8Array): void
  /** Where the blocks that were read to their end begin, by the ids of their entries. */
  readonly finished: ReadonlyMap<number, number>
  /** What the bytes so far end in; undefined between two blocks. */
  open(): OpenBlock | undefined
  /** Whether the bytes so far end where a block ends. */
  atBlockEnd(): boolean
}

/**
 * Follows the data blocks after an archive's table of contents, skipping what is in them.
 *
 * A block is its type, the id of its entry, then chunks (a length and as many bytes) up to a length of zero; a block of large objects is a
 * sequence of object ids, each with such chunks, up to an id of zero.
 *
 * @see https://github.com/postgres/postgres/blob/master/src/bin/pg_dump/pg_backup_custom.c
 * @param begin where in the archive the first of them lies
 * @throws Error when the bytes are no such blocks
 */
export function followBlocks(intSize: number, begin: number): BlockFollower {
  const finished = new Map<number, number>()
  const held = Buffer.alloc(1 + intSize)
  let heldBytes = 0
  let expects = BLOCK
  let inBlobs = false
  let dumpId = 0
  let skip = 0
  /** In the archive, of the piece that is looked at. */
  let pieceAt = begin
  let blockAt = begin

  function number(bytes: Uint8Array, at: number): number {
    let value = 0
    for (let i = intSize; i >= 1; i--) value = value * 256 + (bytes[at + i] as number)
    return value
  }
  function token(bytes: Uint8Array, at: number): void {
    if (expects === BLOCK) {
      const type = bytes[at]
      if (type !== BLK_DATA && type !== BLK_BLOBS) throw new Error(`a block of type ${type} is unknown`)
      inBlobs = type === BLK_BLOBS
      // A single byte is never held, so this is a place in the piece.
      blockAt = pieceAt + at
      expects = DUMP_ID
      return
    }
    const value = number(bytes, at)
    if (expects === CHUNK) {
      if (value > 0) skip = value
      else if (inBlobs) expects = BLOB_OID
      else endBlock()
    } else if (expects === DUMP_ID) {
      dumpId = value
      expects = inBlobs ? BLOB_OID : CHUNK
    } else if (value > 0) expects = CHUNK
    else endBlock()
  }
  function endBlock(): void {
    finished.set(dumpId, blockAt)
    expects = BLOCK
  }

  return {
    finished,
    open: () => (expects === BLOCK || expects === DUMP_ID ? undefined : { id: dumpId, at: blockAt }),
    atBlockEnd: () => expects === BLOCK && heldBytes === 0,
    add(piece) {
      const length = piece.length
      let at = 0
      while (at < length) {
        if (skip > 0) {
          const step = Math.min(skip, length - at)
          skip -= step
          at += step
          continue
        }
        const wanted = expects === BLOCK ? 1 : 1 + intSize
        if (heldBytes === 0 && length - at >= wanted) {
          token(piece, at)
          at += wanted
          continue
        }
        held[heldBytes++] = piece[at++] as number
        if (heldBytes < wanted) continue
        heldBytes = 0
        token(held, 0)
      }
      pieceAt += length
    },
  }
}
