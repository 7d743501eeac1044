import { type BigIntStats, lstatSync, type Stats, writeSync } from 'node:fs'
import type { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import { printable } from '../printable.ts'
import type { TarMember } from '../tar/member.ts'
import { NAMED_PATHS } from './archive-gate.ts'

/** Clocks of file systems go in steps of some milliseconds, and behind ours. */
const MARGIN_MS = 1_000
const GATHER_LENGTH = 256 * 1024
const FOLDER_MARK = '\0D'

export interface SnapshotOptions {
  /** The tree, no link on the way to it; names in the archive are below it. */
  root: string
  /** A moment before tar began to read, of this host's clock. */
  startedMs: number
  /** Open for writing; closed by the caller. */
  fd: number
  /** Whether tar left out what is mounted inside. */
  oneFilesystem: boolean
}

interface OpenFolder {
  name: string
  /** Whole names; one that is a folder has a mark at its end. */
  entries: string[]
}

/**
 * Makes of a full archive, as it passes, the snapshot that GNU tar takes a later incremental one by (`--listed-incremental`, format 2). tar's own
 * looks at the whole tree twice for it, which takes a third of the time.
 *
 * What stands in it is what the archive has, so a file that could not be read is tried again. A folder that was touched since tar began, or lies below
 * such a one, may be another than the one tar read: it is left out, and the next archive takes all of it. Holds the names of the folders on the way
 * down.
 *
 * @see https://www.gnu.org/software/tar/manual/html_node/Snapshot-Files.html
 */
export class FolderSnapshot {
  readonly #opts: SnapshotOptions
  /** Bytes as latin1, like the names. */
  readonly #root: string
  readonly #open: OpenFolder[] = []
  #text = ''
  /** Folders on which something else is mounted. */
  readonly mounts: NamedFiles = { count: 0, paths: [] }

  constructor(opts: SnapshotOptions) {
    this.#opts = opts
    this.#root = Buffer.from(opts.root).toString('latin1')
    const seconds = Math.floor(opts.startedMs / 1000)
    this.#text = `GNU tar-1.34-2\n${seconds}\0${(opts.startedMs % 1000) * 1_000_000}\0`
  }

  /** Members come folder by folder, each before what is in it. */
  member({ name, type }: Pick<TarMember, 'name' | 'type'>): void {
    const slash = name.lastIndexOf('/')
    for (let open = this.#open.at(-1); open && !isIn(open, name, slash); open = this.#open.at(-1)) this.#close()
    this.#open.at(-1)?.entries.push(type === 'folder' ? `${name}${FOLDER_MARK}` : name)
    if (type === 'folder') this.#open.push({ name, entries: [] })
  }

  end(): void {
    while (this.#open.length > 0) this.#close()
    this.#flush()
  }

  #close(): void {
    const { name, entries } = this.#open.pop() as OpenFolder
    // What is looked at first, the folder, was what it is now if nothing above changed.
    const folder = lstatSync(this.#placeOf(name), { bigint: true, throwIfNoEntry: false })
    const above = this.#above(name)
    // It is gone: whatever comes in its place is new.
    if (folder === undefined) return
    if (this.#opts.oneFilesystem && this.#open.length > 0 && Number(folder.dev) !== above[0]?.dev) {
      this.mounts.count++
      if (this.mounts.paths.length < NAMED_PATHS) this.mounts.paths.push(printable(Buffer.from(name, 'latin1')))
    } else if ([folder, ...above].every((each) => this.#isAtRest(each))) this.#write(name, entries, folder)
  }

  /** The folders above one, from there up to the root. */
  #above(name: string): (Stats | undefined)[] {
    const above: (Stats | undefined)[] = []
    for (let slash = name.lastIndexOf('/'); slash > 0; slash = name.lastIndexOf('/', slash - 1))
      above.push(lstatSync(this.#placeOf(name.slice(0, slash)), { throwIfNoEntry: false }))
    return above
  }

  #placeOf(name: string): Buffer {
    return Buffer.from(`${this.#root}/${name}`, 'latin1')
  }

  #isAtRest(stat: Stats | BigIntStats | undefined): boolean {
    return stat?.isDirectory() === true && Number(stat.ctimeMs) < this.#opts.startedMs - MARGIN_MS
  }

  #write(name: string, entries: string[], { mtimeNs, dev, ino }: BigIntStats): void {
    const [seconds, nanoseconds] = [mtimeNs / 1_000_000_000n, mtimeNs % 1_000_000_000n]
    const from = name.length + 1
    // tar searches the names by halves, ordered as strcmp does. No name has a zero in it, so one that goes on comes behind.
    const names = entries
      .sort()
      .map((each) => (each.endsWith(FOLDER_MARK) ? `D${each.slice(from, -1)}` : `Y${each.slice(from)}\0`))
    this.#text += `0\0${seconds}\0${nanoseconds}\0${dev}\0${ino}\0${name}\0${names.join('')}\0\0`
    if (this.#text.length >= GATHER_LENGTH) this.#flush()
  }

  #flush(): void {
    const bytes = Buffer.from(this.#text, 'latin1')
    this.#text = ''
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#opts.fd, bytes, at)
  }
}

function isIn({ name: folder }: OpenFolder, name: string, slash: number): boolean {
  return folder.length === slash && name.startsWith(folder)
}
