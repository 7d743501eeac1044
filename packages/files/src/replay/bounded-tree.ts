import { lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, type Stats, unlinkSync } from 'node:fs'
import { safeSteps } from './withheld.ts'

/** So many folders are known to be folders without another look. */
const KNOWN_FOLDERS = 50_000

/**
 * Paths in a folder nothing may leave: every step on the way to a name is looked at without following it, and one that is a link is refused. The
 * folder is this process's alone.
 *
 * Names are bytes, kept as latin1 strings; only what goes to the system is bytes again.
 */
export class BoundedTree {
  readonly #root: string
  readonly #folders = new Set<string>()
  readonly #above = new Set<string>()

  constructor(root: string) {
    this.#root = Buffer.from(root).toString('latin1')
  }

  /** Folders that were made for what is in them, and are not members themselves so far. */
  get above(): string[] {
    return [...this.#above]
  }

  /** A folder is a member of its own. */
  claim(name: string): void {
    if (this.#above.size > 0) this.#above.delete(safeSteps(name).join('/'))
  }

  /** Where a member goes; the folders above it are there. @throws Error – it would leave the tree */
  place(name: string): Buffer {
    const steps = safeSteps(name)
    this.#demandFolders(steps.slice(0, -1))
    return this.bytes(steps)
  }

  /** What is there, links not followed. */
  look(path: Buffer): Stats | undefined {
    return lstatSync(path, { throwIfNoEntry: false })
  }

  /** Takes away what is there, whatever it is; links are removed, not followed. */
  clear(path: Buffer, found: Stats): void {
    if (!found.isDirectory()) {
      unlinkSync(path)
      return
    }
    this.#folders.clear()
    for (const name of readdirSync(path, { encoding: 'buffer' })) {
      const entry = Buffer.concat([path, Buffer.from('/'), name])
      this.clear(entry, lstatSync(entry))
    }
    rmdirSync(path)
  }

  move(from: string, to: string): void {
    renameSync(this.place(from), this.place(to))
    this.#folders.clear()
  }

  bytes(steps: readonly string[]): Buffer {
    return Buffer.from([this.#root, ...steps].join('/'), 'latin1')
  }

  #demandFolders(steps: readonly string[]): void {
    if (this.#folders.has(steps.join('/'))) return
    for (let depth = 1; depth <= steps.length; depth++) {
      const above = steps.slice(0, depth)
      const path = this.bytes(above)
      const found = this.look(path)
      if (found === undefined) {
        mkdirSync(path, { mode: 0o700 })
        this.#above.add(above.join('/'))
      } else if (!found.isDirectory()) throw new Error('a name that leads through something that is no folder')
    }
    if (this.#folders.size >= KNOWN_FOLDERS) this.#folders.clear()
    this.#folders.add(steps.join('/'))
  }
}
