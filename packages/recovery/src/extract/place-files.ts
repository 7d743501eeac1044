import { chown, type FileHandle, mkdir, open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { Backlog } from './backlog.ts'
import { FileWriter } from './file-writer.ts'
import { IncrementalFile } from './incremental-file.ts'
import { type TarMember, unreadable } from './tar-header.ts'
import type { FileSink, Placement } from './untar.ts'
import { CONTROL, WITHHELD } from './withheld.ts'

/** Group may read where the server allows it; nobody else ever. */
const MODE_MASK = 0o770
const INCREMENTAL = 'INCREMENTAL.'

export interface PlacingOptions {
  /** Exists, and is the account's. */
  folder: string
  account: Account
  /** The folder holds the earlier backups of the chain, and this one goes over them; otherwise nothing that is there is touched. */
  over: boolean
}

/**
 * Puts the members of an archive into a folder; writing goes on beside reading and decompressing. Disposing waits for what was begun.
 *
 * `pg_control` comes under another name.
 */
export class FilePlacement implements Placement, AsyncDisposable {
  /** What the folder must hold in the end: every member, by its final name. */
  readonly names = new Set<string>()
  readonly #opts: PlacingOptions
  readonly #folders = new Map<string, Promise<void>>()
  readonly #backlog = new Backlog()
  readonly #asRoot = process.getuid?.() === 0
  /** Closes the file that is being read. */
  #letGo: (() => void) | undefined

  constructor(opts: PlacingOptions) {
    this.#opts = opts
  }

  folder({ name }: TarMember): void {
    this.names.add(name)
    this.#backlog.begin(this.#makeFolder(join(this.#opts.folder, name)))
  }

  link({ name }: TarMember): void {
    // Tablespaces are linked to their new places by whoever made these.
    if (!/^pg_tblspc\/\d+$/.test(name)) throw unreadable('a link that is no tablespace', name)
  }

  file(member: TarMember): FileSink {
    const file =
      this.#opts.over && basename(member.name).startsWith(INCREMENTAL) ? this.#pages(member) : this.#whole(member)
    this.#letGo = () => (file instanceof IncrementalFile ? file.abandon() : file.close())
    return {
      write: (chunk) => file.write(chunk),
      close: () => {
        file.close()
        this.#letGo = undefined
      },
    }
  }

  ready(): Promise<void> {
    return this.#backlog.ready()
  }

  /** Everything is on its place. @throws the first error of the disk */
  finish(): Promise<void> {
    return this.#backlog.finish()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#letGo?.()
    await this.#backlog.settled()
  }

  #whole({ name, bytes, mode }: TarMember): FileWriter {
    const placed = name === CONTROL ? WITHHELD : name
    this.names.add(placed)
    return new FileWriter(this.#create(join(this.#opts.folder, placed), mode & MODE_MASK), bytes, this.#backlog)
  }

  #pages({ name, bytes }: TarMember): IncrementalFile {
    const placed = join(dirname(name), basename(name).slice(INCREMENTAL.length))
    this.names.add(placed)
    const opened = open(join(this.#opts.folder, placed), 'r+').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw cause
      const problem = 'no earlier backup of its chain has this file'
      throw new LifeboatError('RECOVERY_COMBINE_FAILED', { file: name, problem }, { cause })
    })
    return new IncrementalFile(new FileWriter(opened, bytes, this.#backlog), { name, bytes })
  }

  async #create(path: string, mode: number): Promise<FileHandle> {
    await this.#makeFolder(dirname(path))
    const handle = await open(path, this.#opts.over ? 'w' : 'wx', mode)
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
}
