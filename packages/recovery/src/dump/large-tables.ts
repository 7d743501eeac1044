import { blockContents } from '@lifeboat/postgres/archive/block-contents.ts'
import { dataInFile, type StoredData, tocInFile } from '@lifeboat/postgres/archive/data-in-file.ts'
import type { ArchiveToc } from '@lifeboat/postgres/archive/read-toc.ts'
import { orAborted } from '@lifeboat/shared/run/or-aborted.ts'
import { decompressed } from '../extract/decompress.ts'
import type { DealtTable } from './deal-rows.ts'
import type { ComingArchive } from './fetch-archive.ts'
import { isCopied, LEAST_BYTES, type LoadingPlan, planLoading } from './plan-loading.ts'

/**
 * The tables of a dump that are dealt: while it comes each that turns out to be large, and when all of it is there those that are too large for one job.
 */
export class LargeTables {
  readonly #archive: ComingArchive
  readonly #toc: ArchiveToc | undefined
  /** What was dealt while the archive came. */
  readonly #early = new Set<number>()
  readonly #planned: Promise<LoadingPlan>
  #left: LoadingPlan['dealt'] | undefined

  private constructor(archive: ComingArchive, toc: ArchiveToc | undefined, jobs: number) {
    this.#archive = archive
    this.#toc = toc
    this.#planned = archive.whole().then(async () => planLoading(await this.#stored(), jobs, this.#early))
    // Told to who asks.
    this.#planned.catch(() => {})
  }

  static async open(archive: ComingArchive, jobs: number): Promise<LargeTables> {
    await archive.listed()
    // What only pg_restore understands is left to it.
    const toc = await tocInFile(archive.path).catch(() => undefined)
    return new LargeTables(archive, toc?.compression === 'other' ? undefined : toc, jobs)
  }

  /** One after the other. @throws what broke the fetching */
  async next(): Promise<DealtTable | undefined> {
    while (!this.#archive.grown.isWhole) {
      const { bytes, block } = this.#archive.grown
      const entry = block && this.#toc?.withData.get(block.id)
      if (block && entry && bytes - block.at >= LEAST_BYTES && !this.#early.has(block.id) && isCopied(entry)) {
        this.#early.add(block.id)
        return this.#table({ ...entry, at: block.at })
      }
      await this.#archive.more()
    }
    this.#left ??= [...(await this.#planned).dealt]
    const table = this.#left.shift()
    return table && this.#table(table)
  }

  /** What is left to pg_restore once all of the archive is there. @returns whose data is none of that, and the jobs for what is */
  async others(): Promise<{ without: readonly number[]; jobs: number }> {
    const { dealt, otherJobs: jobs } = await this.#planned
    return { without: [...this.#early, ...dealt.map(({ id }) => id)], jobs }
  }

  #stored(): Promise<StoredData[]> {
    return this.#toc === undefined ? Promise.resolve([]) : dataInFile(this.#archive.path)
  }

  #table({ copy, at }: Pick<StoredData, 'copy' | 'at'>): DealtTable {
    return { copy, contents: (signal) => this.#contents(copy.trimEnd(), at, signal) }
  }

  async *#contents(artifact: string, at: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { intSize, compression } = this.#toc as ArchiveToc
    const stored = blockContents(this.#archive.path, { artifact, at, intSize }, (beyond) => this.#reach(beyond, signal))
    yield* compression === 'none' ? stored : decompressed(kept(stored), artifact)
  }

  async #reach(beyond: number, signal: AbortSignal): Promise<number> {
    while (!this.#archive.grown.isWhole && this.#archive.grown.bytes <= beyond)
      await orAborted(this.#archive.more(), signal)
    return this.#archive.grown.bytes
  }
}

/** The decompressor asks for the next piece while it works on one. */
async function* kept(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) yield Buffer.from(piece)
}
