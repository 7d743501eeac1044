import { open } from 'node:fs/promises'

/** So much that is not saved yet is worth a request to the disk. */
export const WORTH_BYTES = 16 * 1024 ** 2
/** A smaller file is left to whoever saves all in the end: one by one they would cost more turns of the file system's journal than they save waiting. */
const LEAST_BYTES = 1024 ** 2

/**
 * Sends large files on their way to the disk while others are still written, so that a server that saves all files before it recovers finds most of them saved.
 *
 * Of what is written last, some is never asked for: this makes nothing durable, it only spares waiting.
 *
 * NOTE: a disk tells of a failed write once, to the first who asks. So a failure here is the extraction's: the server would not hear of it.
 */
export class SaveAhead {
  readonly #save: (path: string) => Promise<void>
  readonly #unsaved = new Map<string, number>()
  #bytes = 0
  #saving: Promise<void> | undefined
  #failure: { thrown: unknown } | undefined

  /** @param save replaced by tests */
  constructor(save = saveOne) {
    this.#save = save
  }

  /** @throws what an earlier request came to */
  wrote(path: string, bytes: number): void {
    this.#demandSaved()
    this.#unsaved.set(path, (this.#unsaved.get(path) ?? 0) + bytes)
    this.#bytes += bytes
    if (this.#bytes >= WORTH_BYTES) this.#saving ??= this.#saveAll()
  }

  /** Nothing more comes for that file. */
  closed(path: string): void {
    if ((this.#unsaved.get(path) ?? 0) < LEAST_BYTES) this.#forget(path)
  }

  /** Waits for what was asked for. @throws what it came to */
  async settled(): Promise<void> {
    await this.#saving
    this.#demandSaved()
  }

  async #saveAll(): Promise<void> {
    try {
      while (this.#bytes >= WORTH_BYTES) {
        const path = this.#unsaved.keys().next().value as string
        this.#forget(path)
        await this.#save(path)
      }
    } catch (thrown) {
      this.#failure = { thrown }
    } finally {
      this.#saving = undefined
    }
  }

  #forget(path: string): void {
    this.#bytes -= this.#unsaved.get(path) ?? 0
    this.#unsaved.delete(path)
  }

  #demandSaved(): void {
    if (this.#failure) throw this.#failure.thrown
  }
}

async function saveOne(path: string): Promise<void> {
  await using file = await open(path, 'r')
  await file.datasync()
}
