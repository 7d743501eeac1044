import { followArchive } from './follow-archive.ts'
import type { OpenBlock } from './follow-blocks.ts'
import { PLACE_KNOWN } from './read-toc.ts'

/** Bytes that belong into an archive, and where. */
export interface Field {
  at: number
  bytes: Buffer
}

export interface DataPlaces {
  add(piece: Uint8Array): void
  /** Whether the table of contents has come. */
  isListed(): boolean
  /** The data that has begun to come, and is not there in whole. */
  open(): OpenBlock | undefined
  /** Of every entry whose data came to its end; none when these were not the bytes of an archive. */
  fields(): Field[]
}

/**
 * Reads along with a custom-format archive and finds where the data of each entry begins.
 *
 * pg_dump writes that into the table of contents when its output is a file; into a pipe it cannot. Without it each job of a parallel pg_restore reads
 * its way to its table from the beginning.
 *
 * @see https://github.com/postgres/postgres/blob/master/src/bin/pg_dump/pg_backup_archiver.c – WriteOffset
 */
export function dataPlaces(): DataPlaces {
  const archive = followArchive()
  return {
    add: archive.add,
    isListed: () => archive.toc !== undefined,
    open: () => (archive.problem === undefined ? archive.blocks?.open() : undefined),
    fields() {
      const { toc, blocks } = archive
      if (toc === undefined || blocks === undefined) return []
      return [...toc.withData].flatMap(([id, { placeAt }]) => {
        const place = blocks.finished.get(id)
        return place === undefined ? [] : [{ at: placeAt, bytes: offset(place, toc.offSize) }]
      })
    },
  }
}

function offset(place: number, size: number): Buffer {
  const bytes = Buffer.alloc(1 + size)
  bytes.writeUInt8(PLACE_KNOWN)
  bytes.writeUIntLE(place, 1, Math.min(size, 6))
  return bytes
}
