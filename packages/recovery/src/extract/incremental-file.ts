import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { FileWriter } from './file-writer.ts'
import type { FileSink } from './untar.ts'

const MAGIC = 0xd3ae1f0d
const FIXED_BYTES = 12
const PAGE_BYTES = 8192
/** Pages of a file of 1 GB, the largest PostgreSQL makes. */
const MOST_PAGES = 131_072

/** What stands before the pages. */
interface Header {
  /** Pages below come from the earlier backup unless they are here; there is nothing earlier at or above it. */
  keptPages: number
  pages: readonly number[]
  bytes: number
}

/**
 * Puts the changed pages of a file over what the earlier backups of its chain left, and gives it its length.
 *
 * @see PostgreSQL, src/backend/backup/basebackup_incremental.c and src/bin/pg_combinebackup/reconstruct.c: magic, number of pages, kept
 * pages, then the number of each page, filled up to a whole page when pages follow.
 */
export class IncrementalFile implements FileSink {
  readonly #writer: FileWriter
  readonly #name: string
  readonly #memberBytes: number
  #start = Buffer.alloc(0)
  #header: Header | undefined
  /** Of the contents behind the header. */
  #at = 0
  /** Contents up to there follow each other in the file. */
  #rowEnd = 0

  constructor(writer: FileWriter, { name, bytes }: { name: string; bytes: number }) {
    this.#writer = writer
    this.#name = name
    this.#memberBytes = bytes
  }

  write(chunk: Buffer): void {
    if (this.#header) this.#place(this.#header, chunk)
    else this.#gather(chunk)
  }

  close(): void {
    const { pages, keptPages } = this.#header ?? this.#broken('it ends in its header')
    const length = pages.reduce((most, page) => Math.max(most, page + 1), keptPages)
    this.#writer.truncate(length * PAGE_BYTES)
    this.#writer.close()
  }

  #gather(chunk: Buffer): void {
    this.#start = Buffer.concat([this.#start, chunk])
    const header = this.#readHeader(this.#start)
    if (!header) return
    this.#header = header
    // What lies above was cut off once, and must not shine through where pages came back without a trace in the WAL.
    this.#writer.truncate(header.keptPages * PAGE_BYTES)
    this.#place(header, this.#start.subarray(header.bytes))
    this.#start = Buffer.alloc(0)
  }

  #readHeader(start: Buffer): Header | undefined {
    if (start.length < FIXED_BYTES) return undefined
    const [magic, count, keptPages] = [start.readUInt32LE(0), start.readUInt32LE(4), start.readUInt32LE(8)]
    if (magic !== MAGIC || count > MOST_PAGES || keptPages > MOST_PAGES) this.#broken('it has no header of PostgreSQL')
    const listed = FIXED_BYTES + 4 * count
    const bytes = count === 0 ? listed : Math.ceil(listed / PAGE_BYTES) * PAGE_BYTES
    if (this.#memberBytes !== bytes + count * PAGE_BYTES) this.#broken('its length is not that of its pages')
    if (start.length < bytes) return undefined
    const pages = Array.from({ length: count }, (_, index) => start.readUInt32LE(FIXED_BYTES + 4 * index))
    if (pages.some((page) => page >= MOST_PAGES)) this.#broken('it has a page no file has')
    return { keptPages, pages, bytes }
  }

  #place({ pages }: Header, contents: Buffer): void {
    for (let from = 0; from < contents.length; ) {
      if (this.#at === this.#rowEnd) this.#beginRow(pages)
      const taken = contents.subarray(from, from + this.#rowEnd - this.#at)
      this.#writer.write(taken)
      this.#at += taken.length
      from += taken.length
    }
  }

  #beginRow(pages: readonly number[]): void {
    const first = this.#at / PAGE_BYTES
    let next = first + 1
    while (next < pages.length && pages[next] === (pages[next - 1] as number) + 1) next++
    this.#rowEnd = next * PAGE_BYTES
    this.#writer.seek((pages[first] as number) * PAGE_BYTES)
  }

  #broken(problem: string): never {
    throw new LifeboatError('RECOVERY_COMBINE_FAILED', { file: this.#name, problem })
  }
}
