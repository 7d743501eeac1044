import { createHash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readlinkSync, readSync, type Stats } from 'node:fs'
import type { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import { type LeftLine, linkOf, type MemberLine, nameOf } from '../member-line.ts'
import { printable } from '../printable.ts'
import { isSettable, readAttributes } from './attributes.ts'
import type { CompareReport } from './compare-report.ts'
import { type Purpose, type Replay, SET_ID, safeSteps, withheld } from './withheld.ts'

const NAMED = 20
const LEFT_NAMES = 10_000
/** So many members are asked for their attributes at a time. */
const ATTRIBUTED = 5_000

const SPECIAL = {
  fifo: ['fifo', (found: Stats) => found.isFIFO()],
  char: ['character device', (found: Stats) => found.isCharacterDevice()],
  block: ['block device', (found: Stats) => found.isBlockDevice()],
} as const

/** Holds the tree under a folder against a list of members, line by line: contents are read back from the disk. Follows no link. */
export class TreeComparison {
  readonly #root: string
  readonly #purpose: Purpose
  readonly #more: boolean
  readonly #asRoot = process.getuid?.() === 0
  readonly #buffer = Buffer.allocUnsafe(1024 * 1024)
  readonly report: CompareReport = {
    ...{ members: 0, files: 0, bytes: 0, links: 0, differing: { count: 0, paths: [] }, left: [] },
    owners: { count: 0, paths: [], compared: process.getuid?.() === 0 },
    attributes: { count: 0, paths: [], compared: 0, listed: 0 },
  }
  /** Those whose attributes are to be read, in one go with others; by their paths. */
  #attributed = new Map<string, { name: Buffer; xattrs: Record<string, string> }>()

  constructor(root: string, { purpose, more }: Replay) {
    this.#root = root
    this.#purpose = purpose
    this.#more = more
  }

  add(line: MemberLine | LeftLine): void {
    const name = nameOf(line)
    if ('left' in line) {
      if (this.report.left.length < LEFT_NAMES) this.report.left.push(name.toString('latin1'))
      return
    }
    this.report.members++
    const difference = this.#difference(line, name)
    if (difference !== undefined) add(this.report.differing, `${printable(name)}: ${difference}`)
  }

  /** Does what is done for many members at a time; after the last one. */
  finish(): void {
    this.#compareAttributes()
  }

  #noteAttributes({ type, xattrs = {} }: MemberLine, name: Buffer, path: Buffer): void {
    if (type === 'folder' && this.#more) return
    const settable = Object.entries(xattrs).filter(([attribute]) => isSettable(attribute, this.#purpose))
    if (Object.keys(xattrs).length > settable.length) this.report.attributes.listed++
    if (settable.length === 0) return
    this.report.attributes.compared++
    this.#attributed.set(path.toString('latin1'), { name, xattrs: Object.fromEntries(settable) })
    if (this.#attributed.size >= ATTRIBUTED) this.#compareAttributes()
  }

  #compareAttributes(): void {
    if (this.#attributed.size === 0) return
    const { attributes } = this.report
    const found = readAttributes([...this.#attributed.keys()])
    if ('missing' in found) attributes.unavailable = found.missing
    else
      for (const [path, { name, xattrs }] of this.#attributed) {
        const wrong = Object.keys(xattrs).filter((each) => found.get(path)?.get(each) !== xattrs[each])
        if (wrong.length > 0) add(attributes, `${printable(name)}: ${wrong.join(', ')}`)
      }
    this.#attributed.clear()
  }

  /** What is wrong with one member, in words. */
  #difference(line: MemberLine, name: Buffer): string | undefined {
    const path = this.#path(name)
    const found = path && lstatSync(path, { throwIfNoEntry: false })
    if (!path || !found) return 'is not there'
    const held = { type: line.type, name: name.toString('latin1'), linksTo: linkOf(line).toString('latin1') }
    if (withheld(this.#purpose, held))
      return found.isFile() && found.size === 0 ? undefined : 'something stands where nothing was to be made'
    if (line.type === 'hardlink') return this.#hardlink(line, found)
    if (line.type === 'symlink') return this.#symlink(line, path, found)
    if (this.#asRoot && (found.uid !== line.uid || found.gid !== line.gid))
      add(this.report.owners, `${printable(name)}: ${found.uid}:${found.gid} instead of ${line.uid}:${line.gid}`)
    this.#noteAttributes(line, name, path)
    if (line.type === 'folder') return found.isDirectory() ? this.#mode(line, found, 0o700) : 'is no folder'
    return line.type === 'file' ? this.#file(line, path, found) : this.#special(line, found)
  }

  #special(line: MemberLine, found: Stats): string | undefined {
    const [kind, is] = SPECIAL[line.type as keyof typeof SPECIAL]
    return is(found) ? this.#mode(line, found, 0o600) : `is no ${kind}`
  }

  #hardlink(line: MemberLine, found: Stats): string | undefined {
    this.report.links++
    const other = this.#path(linkOf(line))
    const twin = other && lstatSync(other, { throwIfNoEntry: false })
    return twin && twin.ino === found.ino && twin.dev === found.dev ? undefined : 'is no other name of its file'
  }

  #symlink(line: MemberLine, path: Buffer, found: Stats): string | undefined {
    this.report.links++
    if (!found.isSymbolicLink()) return 'is no link'
    return readlinkSync(path, { encoding: 'buffer' }).equals(linkOf(line)) ? undefined : 'leads somewhere else'
  }

  #file(line: MemberLine, path: Buffer, found: Stats): string | undefined {
    if (!found.isFile()) return 'is no file'
    if (found.size !== line.bytes) return `has ${found.size} bytes instead of ${line.bytes}`
    this.report.files++
    this.report.bytes += found.size
    return this.#digest(path) === line.sha256 ? this.#mode(line, found, 0o600) : 'has other contents'
  }

  /** Whoever is not root kept rights of its own, see tree-placement.ts. */
  #mode({ mode }: MemberLine, found: Stats, floor: number): string | undefined {
    const kept = this.#asRoot ? 0 : floor
    const looked = this.#purpose === 'drill' ? 0o7777 & ~SET_ID : 0o7777
    const [is, should] = [(found.mode & looked) | kept, (mode & looked) | kept]
    return is === should ? undefined : `has mode ${is.toString(8)} instead of ${should.toString(8)}`
  }

  #digest(path: Buffer): string {
    const hash = createHash('sha256')
    const fd = openSync(path, 'r')
    try {
      for (let bytes = readSync(fd, this.#buffer); bytes > 0; bytes = readSync(fd, this.#buffer))
        hash.update(this.#buffer.subarray(0, bytes))
    } finally {
      closeSync(fd)
    }
    return hash.digest('hex')
  }

  #path(name: Buffer): Buffer | undefined {
    try {
      return Buffer.concat([
        Buffer.from(`${this.#root}/`),
        Buffer.from(safeSteps(name.toString('latin1')).join('/'), 'latin1'),
      ])
    } catch {
      return undefined
    }
  }
}

function add(list: NamedFiles, path: string): void {
  list.count++
  if (list.paths.length < NAMED) list.paths.push(path)
}
