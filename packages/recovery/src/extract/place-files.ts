import { chownSync, constants, fchownSync, mkdirSync, openSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { FileWriter } from './file-writer.ts'
import { HollowFile, type HollowFiles, heldIn } from './hollow.ts'
import { IncrementalFile } from './incremental-file.ts'
import { SaveAhead } from './save-ahead.ts'
import { type TarMember, unreadable } from './tar-header.ts'
import type { FileSink, Placement } from './untar.ts'
import { CONTROL, WITHHELD } from './withheld.ts'

/** Group may read where the server allows it; nobody else ever. */
const MODE_MASK = 0o770
const INCREMENTAL = 'INCREMENTAL.'
const WAL = 'pg_wal/'
const { O_CREAT, O_EXCL, O_WRONLY } = constants

export interface PlacingOptions {
  /** Exists, and is the account's. */
  folder: string
  account: Account
  /** The folder holds the earlier backups of the chain, and this one goes over them; otherwise nothing that is there is touched. */
  over: boolean
  /** A later backup of the chain goes over this one and brings all the WAL it needs, so that none of this one's is. Default: none does. */
  followed?: boolean
  /** Files of the archive, which is that of this tablespace, that nobody will read. */
  hollow?: HollowFiles & { tablespace: string }
  /** Whether it will have to survive a crash: then it is sent on its way to the disk as it is written. Whoever uses it in the end saves it for good. */
  saved?: boolean
}

/** Of a file that is not made. */
const NOWHERE: FileSink = { write() {}, close() {} }

interface Placed {
  fd: number
  path: string
}

/**
 * Puts the members of an archive into a folder. Disposing closes what is open.
 *
 * Every call waits for the kernel, so it belongs into a thread that has nothing else to do: what is written right away is copied once, and no
 * other thread has to be woken for it. `pg_control` comes under another name.
 */
export class FilePlacement implements Placement, Disposable {
  /** What the folder must hold in the end: every member that was put there, by its final name. */
  readonly names = new Set<string>()
  /** Length of the files that were left hollow. */
  hollowBytes = 0
  readonly #opts: PlacingOptions
  readonly #folders = new Set<string>()
  readonly #asRoot = process.getuid?.() === 0
  readonly #ahead: SaveAhead | undefined
  /** The file that is being read. */
  #writer: FileWriter | undefined

  constructor(opts: PlacingOptions) {
    this.#opts = opts
    this.#folders.add(opts.folder)
    this.#ahead = opts.saved ? new SaveAhead() : undefined
  }

  folder({ name }: TarMember): void {
    this.names.add(name)
    this.#makeFolder(join(this.#opts.folder, name))
  }

  link({ name }: TarMember): void {
    // Tablespaces are linked to their new places by whoever made these.
    if (!/^pg_tblspc\/\d+$/.test(name)) throw unreadable('a link that is no tablespace', name)
  }

  file(member: TarMember): FileSink {
    if (this.#opts.followed && member.name.startsWith(WAL)) return NOWHERE
    const changes = this.#opts.over && basename(member.name).startsWith(INCREMENTAL)
    const { fd, path } = changes ? this.#openEarlier(member) : this.#create(member)
    const ahead = this.#ahead
    const writer = new FileWriter(fd, ahead && ((bytes) => ahead.wrote(path, bytes)))
    this.#writer = writer
    const sink = changes ? new IncrementalFile(writer, member) : this.#whole(writer, member)
    return {
      write: (chunk) => sink.write(chunk),
      close: () => {
        // NOTE: ext4 takes a file that is emptied before it is written for one to be saved at once, and allocates and writes it when it is closed.
        if (this.#opts.over && !changes) writer.truncate(member.bytes)
        sink.close()
        this.#writer = undefined
        ahead?.closed(path)
      },
    }
  }

  /** Waits for the disk where it was asked for something. @throws the error of the disk */
  async settled(): Promise<void> {
    await this.#ahead?.settled()
  }

  [Symbol.dispose](): void {
    this.#writer?.close()
  }

  #whole(writer: FileWriter, member: TarMember): FileSink {
    const { hollow } = this.#opts
    const held = hollow && heldIn(member.name, hollow.tablespace, hollow)
    if (!held) return writer
    this.hollowBytes += member.bytes
    return new HollowFile(writer, member, { heads: hollow.heads && held === 'heap' })
  }
  #create({ name, mode }: TarMember): Placed {
    const placed = name === CONTROL ? WITHHELD : name
    this.names.add(placed)
    const path = join(this.#opts.folder, placed)
    this.#makeFolder(dirname(path))
    const fd = openSync(path, O_CREAT | O_WRONLY | (this.#opts.over ? 0 : O_EXCL), mode & MODE_MASK)
    if (this.#asRoot) fchownSync(fd, this.#opts.account.uid, this.#opts.account.gid)
    return { fd, path }
  }

  #openEarlier({ name }: TarMember): Placed {
    const placed = join(dirname(name), basename(name).slice(INCREMENTAL.length))
    this.names.add(placed)
    const path = join(this.#opts.folder, placed)
    try {
      return { fd: openSync(path, 'r+'), path }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
      const problem = 'no earlier backup of its chain has this file'
      throw new LifeboatError('RECOVERY_COMBINE_FAILED', { file: name, problem }, { cause })
    }
  }

  #makeFolder(path: string): void {
    if (this.#folders.has(path)) return
    this.#makeFolder(dirname(path))
    mkdirSync(path, { recursive: true, mode: 0o700 })
    if (this.#asRoot) chownSync(path, this.#opts.account.uid, this.#opts.account.gid)
    this.#folders.add(path)
  }
}
