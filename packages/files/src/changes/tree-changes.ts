import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats } from 'node:fs'
import type { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import type { FilesChanges } from '@lifeboat/shared/domain/restore-files.ts'
import { printable } from '../printable.ts'
import { excluder } from '../take/patterns.ts'

const NAMED = 20
const BUFFER_BYTES = 1024 * 1024
/** Node sets times to the microsecond; the rest is room for how numbers are rounded. */
const SAME_TIME_MS = 0.01

/** One entry of two trees; `name` begins with `.`, bytes as latin1. */
interface Pair {
  name: string
  live: Buffer
  next: Buffer
}

/**
 * Says what a tree that is about to take the place of another changes. Files of the same size and time are taken to be the same; those of another time are read.
 *
 * Goes down both trees side by side and holds the names of the folders on the way, no more. What vanishes from the live tree meanwhile is not there.
 */
export class TreeChanges {
  readonly changes: FilesChanges = {
    ...{ added: none(), removed: none(), changed: none(), excluded: none() },
  }
  readonly #isExcluded: (name: string) => boolean
  readonly #asRoot = process.getuid?.() === 0
  readonly #buffers = [Buffer.allocUnsafe(BUFFER_BYTES), Buffer.allocUnsafe(BUFFER_BYTES)] as const

  /** @param exclude of the source */
  constructor(exclude: readonly string[]) {
    this.#isExcluded = excluder(exclude)
  }

  /** @param name of both, below the root of the source, beginning with `.` */
  add(name: Buffer, live: Buffer, next: Buffer): void {
    const waiting: Pair[] = [{ name: name.toString('latin1'), live, next }]
    for (let pair = waiting.pop(); pair; pair = waiting.pop()) this.#look(pair, waiting)
  }

  #look(pair: Pair, waiting: Pair[]): void {
    const [was, is] = [lookAt(pair.live), lookAt(pair.next)]
    const { name } = pair
    if (was && !is && this.#isExcluded(name)) {
      note(this.changes.excluded, name)
      return
    }
    if (was && !is) note(this.changes.removed, name)
    else if (is && !was) note(this.changes.added, name)
    else if (was && is) {
      const what = this.#difference(pair, was, is)
      if (what.length > 0) note(this.changes.changed, name, what.join(', '))
    }
    const below = new Set([
      ...(was?.isDirectory() ? namesIn(pair.live) : []),
      ...(is?.isDirectory() ? namesIn(pair.next) : []),
    ])
    for (const entry of [...below].sort().reverse())
      waiting.push({ name: `${name}/${entry}`, live: under(pair.live, entry), next: under(pair.next, entry) })
  }

  #difference({ live, next }: Pair, was: Stats, is: Stats): string[] {
    if ((was.mode & 0o170000) !== (is.mode & 0o170000)) return ['another kind']
    const isLink = is.isSymbolicLink()
    // Whoever is not root kept rights of its own, see tree-placement.ts.
    const kept = this.#asRoot ? 0 : is.isDirectory() ? 0o700 : 0o600
    return [
      ...(is.isFile() && this.#differ({ live, next }, was, is) ? ['contents'] : []),
      ...(isLink && !linkOf(live).equals(linkOf(next)) ? ['link'] : []),
      ...(!isLink && ((was.mode | kept) & 0o7777) !== ((is.mode | kept) & 0o7777) ? ['mode'] : []),
      ...(this.#asRoot && (was.uid !== is.uid || was.gid !== is.gid) ? ['owner'] : []),
    ]
  }

  #differ({ live, next }: Pick<Pair, 'live' | 'next'>, was: Stats, is: Stats): boolean {
    if (was.size !== is.size) return true
    if (Math.abs(was.mtimeMs - is.mtimeMs) < SAME_TIME_MS) return false
    let one: number | undefined
    let other: number | undefined
    try {
      one = openSync(live, 'r')
      other = openSync(next, 'r')
      for (;;) {
        const [here, there] = [readSync(one, this.#buffers[0]), readSync(other, this.#buffers[1])]
        if (here !== there || !this.#buffers[0].subarray(0, here).equals(this.#buffers[1].subarray(0, there)))
          return true
        if (here === 0) return false
      }
    } catch {
      // Gone, or closed to this account: nobody can say that it is the same.
      return true
    } finally {
      for (const fd of [one, other]) if (fd !== undefined) closeSync(fd)
    }
  }
}

function none(): NamedFiles {
  return { count: 0, paths: [] }
}

function note(list: NamedFiles, name: string, what?: string): void {
  list.count++
  if (list.paths.length >= NAMED) return
  const path = printable(Buffer.from(name, 'latin1'))
  list.paths.push(what === undefined ? path : `${path}: ${what}`)
}

function lookAt(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path)
  } catch {
    return undefined
  }
}

function linkOf(path: Buffer): Buffer {
  try {
    return readlinkSync(path, { encoding: 'buffer' })
  } catch {
    return Buffer.alloc(0)
  }
}

function namesIn(path: Buffer): string[] {
  try {
    return readdirSync(path, { encoding: 'latin1' })
  } catch {
    return []
  }
}

function under(path: Buffer, entry: string): Buffer {
  return Buffer.concat([path, Buffer.from('/'), Buffer.from(entry, 'latin1')])
}
