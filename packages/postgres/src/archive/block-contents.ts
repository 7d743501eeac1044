import { open } from 'node:fs/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

const BLK_DATA = 1
const READ_BYTES = 512 * 1024

/** @returns how much of the file is there, once that is more than so many bytes; no more than these where nothing is to come */
export type Reach = (bytes: number) => Promise<number>

export interface BlockPlace {
  /** For the error. */
  artifact: string
  /** Where in the archive the block begins. */
  at: number
  /** Of numbers in the archive. */
  intSize: number
}

/**
 * What an archive holds of one table, out of a file that may still be growing: as it was compressed, else as COPY gave it. A piece is good until the next is asked for.
 *
 * @throws LifeboatError ARTIFACT_UNREADABLE – there is no such block, or its end is missing · what `reach` throws · errors of the disk
 */
export async function* blockContents(
  path: string,
  { artifact, at, intSize }: BlockPlace,
  reach: Reach,
): AsyncGenerator<Buffer, void, undefined> {
  await using file = await open(path)
  const block = new BlockReader(intSize, artifact)
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  for (let from = at; !block.ended; ) {
    const there = await reach(from)
    const { bytesRead } = await file.read(buffer, 0, Math.max(0, Math.min(buffer.length, there - from)), from)
    if (bytesRead === 0) throw unreadable('it ends inside a block', artifact)
    from += bytesRead
    const contents = block.add(buffer.subarray(0, bytesRead))
    if (contents.length > 0) yield contents
  }
}

/**
 * Takes what is in a block out of it: its type, the id of its entry, then chunks (a length and as many bytes) up to a length of zero.
 *
 * @see https://github.com/postgres/postgres/blob/master/src/bin/pg_dump/pg_backup_custom.c
 */
export class BlockReader {
  ended = false
  readonly #intSize: number
  readonly #artifact: string
  /** Of a number that came in pieces; the first stands behind the type of the block. */
  readonly #held: Buffer
  #heldBytes = 0
  /** Bytes of what is read next: type and id, then lengths. */
  #wanted: number
  /** Of the chunk. */
  #left = 0

  constructor(intSize: number, artifact: string) {
    this.#intSize = intSize
    this.#artifact = artifact
    this.#wanted = 2 + intSize
    this.#held = Buffer.alloc(this.#wanted)
  }

  /** @returns what of the piece is in the block, moved together in the piece itself */
  add(piece: Buffer): Buffer {
    let filled = 0
    for (let at = 0; at < piece.length && !this.ended; ) {
      if (this.#left > 0) {
        const moved = Math.min(this.#left, piece.length - at)
        piece.copyWithin(filled, at, at + moved)
        this.#left -= moved
        filled += moved
        at += moved
        continue
      }
      const copied = piece.copy(this.#held, this.#heldBytes, at, at + this.#wanted - this.#heldBytes)
      this.#heldBytes += copied
      at += copied
      if (this.#heldBytes === this.#wanted) this.#number()
    }
    return piece.subarray(0, filled)
  }

  #number(): void {
    const isHead = this.#wanted > 1 + this.#intSize
    if (isHead && this.#held[0] !== BLK_DATA)
      throw unreadable(`a block of type ${this.#held[0]} holds no rows`, this.#artifact)
    this.#heldBytes = 0
    this.#wanted = 1 + this.#intSize
    if (isHead) return
    this.#left = this.#held.readUIntLE(1, Math.min(this.#intSize, 6))
    this.ended = this.#left === 0
  }
}

function unreadable(problem: string, artifact: string): LifeboatError {
  return new LifeboatError('ARTIFACT_UNREADABLE', { artifact, problem })
}
