import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import type { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import { printable } from '../printable.ts'
import type { TarMember } from '../tar/member.ts'
import type { TarListener } from '../tar/read-tar.ts'
import { applyDumpdir } from './apply-dumpdir.ts'
import { AttributeSetter } from './attributes.ts'
import { BoundedTree } from './bounded-tree.ts'
import type { ExtractReport } from './extract-report.ts'
import { SET_ID, type Withheld, withheld } from './withheld.ts'

const NAMED = 20
const MISSING_NAMES = 1000
/** Errors of the disk, and of nobody's making. */
const TROUBLE = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE'])

/**
 * Puts the members of an archive into a scratch folder and nowhere else. A member that would leave it is refused, named, and passed over.
 *
 * Owners are given only by root. Whoever is not root keeps the right to read and to enter what it made, so that it can be compared.
 */
export class TreePlacement implements TarListener {
  readonly #tree: BoundedTree
  readonly #root: boolean
  readonly #report: ExtractReport = {
    ...{ members: 0, files: 0, bytes: 0, deleted: 0, withheld: {} },
    ...{ refused: { count: 0, paths: [] }, missing: { count: 0, names: [] } },
  }
  readonly #attributes = new AttributeSetter()
  #open: { fd: number; at: number; member: TarMember } | undefined

  constructor(root: string) {
    this.#tree = new BoundedTree(root)
    this.#root = process.getuid?.() === 0
  }

  get report(): ExtractReport {
    return this.#report
  }

  /** Does what is done for many members at a time; after the last one. */
  finish(): void {
    this.#attributes.flush()
    const { unavailable } = this.#attributes
    if (unavailable !== undefined) this.#report.attributesUnavailable = unavailable
  }

  begin(member: TarMember): void {
    this.#report.members++
    const { name } = member
    try {
      this.#place(member, name)
    } catch (thrown) {
      const err = thrown as NodeJS.ErrnoException
      if (TROUBLE.has(err.code ?? '')) throw thrown
      add(this.#report.refused, `${printable(Buffer.from(member.name, 'latin1'))}: ${err.message}`)
    }
  }

  data(chunk: Buffer): void {
    if (!this.#open) return
    this.#report.bytes += chunk.length
    for (let at = 0; at < chunk.length; )
      at += writeSync(this.#open.fd, chunk, at, chunk.length - at, this.#open.at + at)
    this.#open.at += chunk.length
  }

  hole(bytes: number): void {
    if (this.#open) this.#open.at += bytes
  }

  end(): void {
    if (!this.#open) return
    const { fd, at, member } = this.#open
    this.#open = undefined
    ftruncateSync(fd, at)
    if (this.#root) fchownSync(fd, member.uid, member.gid)
    fchmodSync(fd, this.#mode(member, 0o600))
    closeSync(fd)
  }

  #place(member: TarMember, name: string): void {
    const linksTo = member.linksTo ?? ''
    const path = this.#tree.place(name)
    if (member.type === 'folder') {
      this.#folder(member, name, path)
      return
    }
    const found = this.#tree.look(path)
    if (found) this.#tree.clear(path, found)
    const held = withheld(member.type, name, linksTo)
    if (held) this.#withhold(held, member, path)
    else if (member.type === 'symlink') this.#symlink(member, path)
    // A hard link is a name of a file that is there, and of nothing outside.
    else if (member.type === 'hardlink') linkSync(this.#tree.place(linksTo), path)
    else this.#file(member, path)
    if (member.type === 'file') this.#setAttributes(member, path)
  }

  #folder(member: TarMember, name: string, path: Buffer): void {
    const found = this.#tree.look(path)
    if (found && !found.isDirectory()) this.#tree.clear(path, found)
    if (!found?.isDirectory()) mkdirSync(path, { mode: 0o700 })
    if (member.dumpdir !== undefined) {
      const { deleted, missing } = applyDumpdir(this.#tree, name, member.dumpdir)
      this.#report.deleted += deleted
      this.#report.missing.count += missing.length
      const room = MISSING_NAMES - this.#report.missing.names.length
      this.#report.missing.names.push(...missing.slice(0, room).map((entry) => `${name}/${entry}`))
    }
    if (this.#root) lchownSync(path, member.uid, member.gid)
    chmodSync(path, this.#mode(member, 0o700))
    this.#setAttributes(member, path)
  }

  #setAttributes({ xattrs }: TarMember, path: Buffer): void {
    if (xattrs) this.#attributes.add(path.toString('latin1'), xattrs)
  }

  #symlink(member: TarMember, path: Buffer): void {
    symlinkSync(Buffer.from(member.linksTo as string, 'latin1'), path)
    if (this.#root) lchownSync(path, member.uid, member.gid)
  }

  #file(member: TarMember, path: Buffer): void {
    this.#report.files++
    this.#open = { fd: openSync(path, 'wx', 0o600), at: 0, member }
  }

  #withhold(why: Withheld, { name }: TarMember, path: Buffer): void {
    this.#note(why, name)
    closeSync(openSync(path, 'wx', 0o600))
  }

  #mode(member: TarMember, floor: number): number {
    if (member.mode & SET_ID) this.#note('set-id', member.name)
    const mode = member.mode & ~SET_ID
    return this.#root ? mode : mode | floor
  }

  #note(why: Withheld, name: string): void {
    this.#report.withheld[why] ??= { count: 0, paths: [] }
    add(this.#report.withheld[why] as NamedFiles, printable(Buffer.from(name, 'latin1')))
  }
}

function add(list: NamedFiles, path: string): void {
  list.count++
  if (list.paths.length < NAMED) list.paths.push(path)
}
