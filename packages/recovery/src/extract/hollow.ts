import type { FileWriter } from './file-writer.ts'
import type { TarMember } from './tar-header.ts'
import type { FileSink } from './untar.ts'

/**
 * Files whose contents nobody will read. They get their full length and hardly anything in it, for the replay of WAL has to find pages where pages
 * were: it puts whole ones over them before it changes anything in them.
 */
export interface HollowFiles {
  /** `<oid of its tablespace>/<oid of its database>/<number>` → what it holds; all segments of the file are meant, and none of its further forks. */
  files: ReadonlyMap<string, Held>
  /** Heads of pages stay where a mere hint may be the first change of a page: the WAL then has the change, and not the page. */
  heads: boolean
}
export type Held = 'heap' | 'index'

/** Of files that lie in the data directory itself. */
export const DEFAULT_TABLESPACE = '1663'
const FILE = /^(?:base|PG_[^/]+)\/(\d+)\/(\d+)(?:\.\d+)?$/

/** @param name of a member in the archive of that tablespace */
export function heldIn(name: string, tablespace: string, { files }: HollowFiles): Held | undefined {
  const [, database, number] = FILE.exec(name) ?? []
  return database === undefined ? undefined : files.get(`${tablespace}/${database}/${number}`)
}

const PAGE_BYTES = 8192
const HEAD_BYTES = 24
const [FLAGS_AT, UPPER_AT] = [10, 14]
const ALL_VISIBLE = 0x0004

/**
 * Takes the contents of a file and keeps its length.
 *
 * Of a heap the heads of those pages may be kept that a vacuum has still to mark: that is the one change it makes to a page without bringing it whole.
 *
 * @see https://www.postgresql.org/docs/current/storage-page-layout.html
 */
export class HollowFile implements FileSink {
  readonly #writer: FileWriter
  readonly #bytes: number
  readonly #heads: boolean
  readonly #head = Buffer.alloc(HEAD_BYTES)
  #at = 0

  constructor(writer: FileWriter, { bytes }: Pick<TarMember, 'bytes'>, { heads }: { heads: boolean }) {
    this.#writer = writer
    this.#bytes = bytes
    this.#heads = heads
  }

  write(chunk: Buffer): void {
    if (!this.#heads) return
    for (let from = 0; from < chunk.length; ) {
      const inPage = this.#at % PAGE_BYTES
      const left = chunk.length - from
      const taken = inPage < HEAD_BYTES ? chunk.copy(this.#head, inPage, from) : Math.min(PAGE_BYTES - inPage, left)
      if (inPage < HEAD_BYTES && inPage + taken === HEAD_BYTES) this.#keep(this.#at - inPage)
      this.#at += taken
      from += taken
    }
  }

  close(): void {
    this.#writer.truncate(this.#bytes)
    this.#writer.close()
  }

  #keep(page: number): void {
    const isMarked = (this.#head.readUInt16LE(FLAGS_AT) & ALL_VISIBLE) !== 0
    const isNew = this.#head.readUInt16LE(UPPER_AT) === 0
    if (isMarked || isNew) return
    this.#writer.seek(page)
    this.#writer.write(this.#head)
  }
}
