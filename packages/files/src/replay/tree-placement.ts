import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
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
import { makeSpecial } from './special-files.ts'
import { type Purpose, type Replay, SET_ID, type Withheld, withheld } from './withheld.ts'

const NAMED = 20
const MISSING_NAMES = 1000
/** Errors of the disk, and of nobody's making. */
const TROUBLE = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE'])

/**
 * Puts the members of an archive into a folder and nowhere else. A member that would leave it is refused, named, and passed over.
 *
 * A restore makes everything and sets times; a drill withholds what is no business of its host, and needs no times. Owners are given only by root. Whoever is not root keeps the right to read and to enter what it made, so that it can be compared.
 */
export class TreePlacement implements TarListener {
  readonly #tree: BoundedTree
  readonly #purpose: Purpose
  readonly #root: boolean
  readonly #report: ExtractReport = {
    ...{ members: 0, files: 0, bytes: 0, deleted: 0, withheld: {} },
    ...{ refused: { count: 0, paths: [] }, missing: { count: 0, names: [] } },
    ...{ whole: false, above: [] },
  }
  readonly #more: boolean
  readonly #attributes: AttributeSetter
  /** Set at the end, and once: a folder hands some of them on to what is made in it. Paths are bytes as latin1. */
  readonly #folderAttributes = new Map<string, ReadonlyMap<string, string>>()
  /** What is put into a folder changes its time: path, bytes as latin1, → when. */
  readonly #folderTimes = new Map<string, number>()
  #open: { fd: number; at: number; member: TarMember } | undefined

  constructor(root: string, { purpose, more }: Replay) {
    this.#purpose = purpose
    this.#more = more
    this.#attributes = new AttributeSetter(purpose)
    this.#tree = new BoundedTree(root)
    this.#root = process.getuid?.() === 0
  }

  get report(): ExtractReport {
    return this.#report
  }

  /** Does what is done for many members at a time; after the last one. */
  finish(): void {
    for (const [path, xattrs] of this.#folderAttributes) this.#attributes.add(path, xattrs)
    this.#attributes.flush()
    for (const [path, mtime] of this.#folderTimes) setTime(Buffer.from(path, 'latin1'), mtime)
    this.#report.above = this.#tree.above
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
    const seconds = settable(member.mtime)
    if (this.#purpose === 'restore') futimesSync(fd, seconds, seconds)
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
    const held = withheld(this.#purpose, { type: member.type, name, linksTo })
    if (held) this.#withhold(held, member, path)
    else if (member.type === 'symlink') this.#symlink(member, path)
    // A hard link is a name of a file that is there, and of nothing outside.
    else if (member.type === 'hardlink') linkSync(this.#tree.place(linksTo), path)
    else if (member.type === 'file') this.#file(member, path)
    else this.#special(member, path)
    if (member.type === 'file') this.#setAttributes(member, path)
  }

  #folder(member: TarMember, name: string, path: Buffer): void {
    const found = this.#tree.look(path)
    if (found && !found.isDirectory()) this.#tree.clear(path, found)
    if (path.equals(this.#tree.bytes([]))) this.#report.whole = true
    this.#tree.claim(name)
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
    if (this.#purpose === 'restore') this.#folderTimes.set(path.toString('latin1'), settable(member.mtime))
    if (member.xattrs && !this.#more) this.#folderAttributes.set(path.toString('latin1'), member.xattrs)
  }

  #setAttributes({ xattrs }: TarMember, path: Buffer): void {
    if (xattrs) this.#attributes.add(path.toString('latin1'), xattrs)
  }

  #symlink(member: TarMember, path: Buffer): void {
    // What is set later goes by its path, and a link must not take it elsewhere.
    this.#attributes.flush()
    symlinkSync(Buffer.from(member.linksTo as string, 'latin1'), path)
    if (this.#root) lchownSync(path, member.uid, member.gid)
    if (this.#purpose === 'restore') setTime(path, settable(member.mtime))
  }

  #special(member: TarMember, path: Buffer): void {
    makeSpecial(path, member)
    if (this.#root) lchownSync(path, member.uid, member.gid)
    chmodSync(path, this.#mode(member, 0o600))
    setTime(path, settable(member.mtime))
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
    const isHeld = this.#purpose === 'drill' && (member.mode & SET_ID) !== 0
    if (isHeld) this.#note('set-id', member.name)
    const mode = isHeld ? member.mode & ~SET_ID : member.mode
    return this.#root ? mode : mode | floor
  }

  #note(why: Withheld, name: string): void {
    this.#report.withheld[why] ??= { count: 0, paths: [] }
    add(this.#report.withheld[why] as NamedFiles, printable(Buffer.from(name, 'latin1')))
  }
}

/**
 * Node cuts a time to its microsecond, and the number nearest to one may be just below it: half a microsecond more is cut to what is meant.
 *
 * @see https://github.com/libuv/libuv/blob/v1.x/src/unix/fs.c – uv__fs_to_timespec
 */
function settable(mtime: string): number {
  const [seconds, fraction = ''] = mtime.split('.')
  return Number(`${seconds}.${fraction.slice(0, 6).padEnd(6, '0')}5`)
}

/** Of what is there still; nobody follows a link. */
function setTime(path: Buffer, seconds: number): void {
  try {
    lutimesSync(path, seconds, seconds)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
  }
}

function add(list: NamedFiles, path: string): void {
  list.count++
  if (list.paths.length < NAMED) list.paths.push(path)
}
