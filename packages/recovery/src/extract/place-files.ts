import { chown, type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { type TarMember, unreadable } from './tar-header.ts'
import type { FileSink, Placement } from './untar.ts'

/** So much may wait for the disk before reading pauses. */
const WAITING_BYTES = 32 * 1024 ** 2
/** Files being written at the same time. */
const OPEN_FILES = 16
/** Group may read where the server allows it; nobody else ever. */
const MODE_MASK = 0o770

export interface PlacingOptions {
  /** Exists, and is the account's. */
  folder: string
  account: Account
  /** Another name for a file, e.g. to withhold it. */
  rename?: (name: string) => string
}

/** Puts the members of an archive into a folder; writing goes on beside reading and decompressing. Disposing waits for what was begun. */
export class FilePlacement implements Placement, AsyncDisposable {
  readonly #opts: PlacingOptions
  readonly #folders = new Map<string, Promise<void>>()
  readonly #busy = new Set<Promise<void>>()
  readonly #asRoot = process.getuid?.() === 0
  #waiting = 0
  #failure: { thrown: unknown } | undefined
  #wake: (() => void) | undefined
  #open: FileSink | undefined

  constructor(opts: PlacingOptions) {
    this.#opts = opts
  }

  folder({ name }: TarMember): void {
    this.#begin(this.#makeFolder(join(this.#opts.folder, name)))
  }

  link({ name }: TarMember): void {
    // Tablespaces are linked to their new places by whoever made these.
    if (!/^pg_tblspc\/\d+$/.test(name)) throw unreadable('a link that is no tablespace', name)
  }

  file({ name, mode }: TarMember): FileSink {
    const path = join(this.#opts.folder, this.#opts.rename?.(name) ?? name)
    const opened = this.#create(path, mode & MODE_MASK)
    // Told when the file is closed; nothing may have been written to it by then.
    opened.catch(() => {})
    let last: Promise<unknown> = opened
    const sink: FileSink = {
      write: (chunk) => {
        this.#waiting += chunk.length
        last = last.then(async () => writeAll(await opened, chunk)).finally(() => this.#passed(chunk.length))
        last.catch(() => {})
      },
      close: () => {
        this.#open = undefined
        this.#begin(last.then(() => {}).finally(async () => (await opened).close()))
      },
    }
    this.#open = sink
    return sink
  }

  ready(): Promise<void> {
    return this.#until(() => this.#waiting < WAITING_BYTES && this.#busy.size < OPEN_FILES)
  }

  /** Everything is on its place. @throws the first error of the disk */
  finish(): Promise<void> {
    return this.#until(() => this.#busy.size === 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open?.close()
    await Promise.all(this.#busy)
  }

  async #create(path: string, mode: number): Promise<FileHandle> {
    await this.#makeFolder(dirname(path))
    const handle = await open(path, 'wx', mode)
    if (this.#asRoot) await handle.chown(this.#opts.account.uid, this.#opts.account.gid)
    return handle
  }

  #makeFolder(path: string): Promise<void> {
    const making = this.#folders.get(path) ?? this.#made(path)
    this.#folders.set(path, making)
    return making
  }

  async #made(path: string): Promise<void> {
    if (path === this.#opts.folder) return
    await this.#makeFolder(dirname(path))
    await mkdir(path, { recursive: true, mode: 0o700 })
    if (this.#asRoot) await chown(path, this.#opts.account.uid, this.#opts.account.gid)
  }

  #begin(work: Promise<void>): void {
    const settled = work
      .catch((thrown: unknown) => {
        this.#failure ??= { thrown }
      })
      .finally(() => {
        this.#busy.delete(settled)
        this.#wake?.()
      })
    this.#busy.add(settled)
  }

  #passed(bytes: number): void {
    this.#waiting -= bytes
    this.#wake?.()
  }

  async #until(enough: () => boolean): Promise<void> {
    while (!enough() && this.#failure === undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    if (this.#failure) throw this.#failure.thrown
  }
}

async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let from = 0; from < chunk.length; ) from += (await handle.write(chunk, from)).bytesWritten
}
